"""The browser's own WebGPU, called through Pyodide. See `pycore.backends.gpu` for what everything means."""

from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException  # pyright: ignore[reportMissingImports]

from pycore.backends.browser.device import BrowserDevice
from pycore.backends.browser.objects import js_object
from pycore.backends.gpu import WANTED, AdapterFacts
from pycore.protocol import ReelError

_BGRA_STORAGE = "bgra8unorm-storage"
_FOR_NETS = ("shader-f16", "subgroups", "timestamp-query")
_NET_LIMITS = (
    "maxBufferSize",
    "maxStorageBufferBindingSize",
    "maxStorageBuffersPerShaderStage",
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupSizeY",
    "maxComputeWorkgroupSizeZ",
)


class BrowserGpu:
    """See `GpuBackend`. `base` is the address that `shaders/` lies under, with its final slash."""

    def __init__(self, base: str) -> None:
        self.secure = bool(js.isSecureContext)
        self._gpu = getattr(js.navigator, "gpu", None)
        self.available = self._gpu is not None
        self._base = base

    async def adapter(self, *, software: bool = False) -> "BrowserAdapter | None":
        if self._gpu is None:
            return None
        # Chrome's --use-webgpu-adapter decides in tests; forceFallbackAdapter would refuse an adapter that
        # denies being one.
        adapter = await self._gpu.requestAdapter(js_object(powerPreference="high-performance"))
        if not adapter and software:
            adapter = await self._gpu.requestAdapter(js_object(forceFallbackAdapter=True))
        # Pyodide's null is falsy, but it is not None.
        return BrowserAdapter(adapter, self._gpu, self._base) if adapter else None


class BrowserAdapter:
    """See `Adapter`."""

    def __init__(self, adapter: Any, gpu: Any, base: str) -> None:
        info = adapter.info
        self._adapter = adapter
        self._gpu = gpu
        self._base = base
        self.facts = AdapterFacts(
            vendor=info.vendor,
            architecture=info.architecture,
            description=f"{info.device} {info.description}".strip(),
            fallback=bool(getattr(info, "isFallbackAdapter", False)),
            features=frozenset(str(name) for name in adapter.features),
            max_buffer_bytes=int(adapter.limits.maxBufferSize),
            max_texture_side=int(adapter.limits.maxTextureDimension2D),
            browser=str(js.navigator.userAgent),
        )

    async def device(self, *, generous: bool = False) -> "BrowserDevice":
        """`generous`: with the features and limits that ONNX Runtime makes use of."""
        limits = {"maxTextureDimension2D": self.facts.max_texture_side}
        features = [
            each for each in (*WANTED, *(_FOR_NETS if generous else ())) if each in self.facts.features
        ]
        for name in _NET_LIMITS if generous else ():
            limits[name] = int(getattr(self._adapter.limits, name))
        try:
            device = await self._adapter.requestDevice(
                js_object(requiredLimits=limits, requiredFeatures=features)
            )
        except JsException as error:
            raise ReelError.of(
                "gpu.device", "The GPU gave no device", str(error), "Reload the page.", 500
            ) from error
        preferred = str(self._gpu.getPreferredCanvasFormat())
        # The canvas is written by a compute shader; bgra8unorm, which many platforms prefer, needs a feature.
        writable = preferred if preferred != "bgra8unorm" or _BGRA_STORAGE in features else "rgba8unorm"
        return BrowserDevice(device, self.facts, frozenset(features), writable, self._base)
