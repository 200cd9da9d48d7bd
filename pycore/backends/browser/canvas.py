"""The page's canvas, drawn on by compute shaders."""

from typing import Any

from pycore.backends.browser.objects import js_object
from pycore.backends.gpu import TextureUsage
from pycore.protocol import ReelError, Size

COLOR_SPACE = "srgb"
"""Of the canvas, and what the browser converts external textures to."""


class BrowserCanvas:
    """See `Canvas`: an OffscreenCanvas, opaque, in sRGB."""

    def __init__(self, canvas: Any, device: Any, format: str) -> None:
        self.format = format
        self._canvas = canvas
        context = canvas.getContext("webgpu")
        if not context:  # null is falsy, but not None
            raise ReelError.of(
                "gpu.canvas",
                "The browser gives no WebGPU canvas",
                "getContext('webgpu') gave null.",
                status=500,
            )
        usage = int(TextureUsage.STORAGE_BINDING | TextureUsage.RENDER_ATTACHMENT | TextureUsage.COPY_SRC)
        context.configure(
            js_object(device=device, format=format, usage=usage, alphaMode="opaque", colorSpace=COLOR_SPACE)
        )
        self._get_current_texture = context.getCurrentTexture

    def resize(self, size: Size) -> None:
        self._canvas.width = size.width
        self._canvas.height = size.height

    def view(self) -> Any:
        return self._get_current_texture().createView()
