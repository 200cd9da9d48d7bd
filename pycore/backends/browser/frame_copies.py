"""Frames as plain textures, where the browser has no external ones (Firefox)."""

from typing import Any

from pycore.backends.browser.canvas import COLOR_SPACE
from pycore.backends.browser.objects import js_object
from pycore.backends.gpu import Device, Texture, TextureUsage
from pycore.protocol import Size


class FrameCopies:
    """In one texture, which is made again when their size changes."""

    def __init__(self, device: Device, queue: Any) -> None:
        self._owner = device
        self._copy = queue.copyExternalImageToTexture
        self._texture: Texture | None = None

    def copy(self, frame: Any) -> Texture:
        size = Size(frame.displayWidth, frame.displayHeight)
        if self._texture is None or self._texture.size != size:
            if self._texture is not None:
                self._owner.free_texture(self._texture)
            # RENDER_ATTACHMENT: the specification asks for it with copyExternalImageToTexture.
            usage = TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST | TextureUsage.RENDER_ATTACHMENT
            self._texture = self._owner.create_texture(size, "rgba8unorm", usage)
        self._copy(
            js_object(source=frame),
            js_object(texture=self._texture.handle, colorSpace=COLOR_SPACE),
            js_object(width=size.width, height=size.height),
        )
        return self._texture
