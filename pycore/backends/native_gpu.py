"""The GPU through wgpu-py (wgpu-native, naga): for tests and for shader work on a server. Prefers a software
adapter only when asked to; needs a Vulkan, Metal or DX12 driver (Debian: mesa-vulkan-drivers has
lavapipe)."""

import asyncio
import re
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import wgpu

from pycore.backends.gpu import (
    PIXEL_BYTES,
    WANTED,
    AdapterFacts,
    BufferUsage,
    Canvas,
    Dispatch,
    FrameKind,
    OffscreenTarget,
    ShaderMessage,
    Texture,
    TextureUsage,
)
from pycore.protocol import ReelError, Size

WEB = Path(__file__).parents[2] / "web"

_CPU = "CPU"
_GRAPHICS = ("Vulkan", "Metal", "D3D12")
_LINE = re.compile(r"wgsl:(\d+):(\d+)")


class PixelFrame:
    """A frame for tests: `pixels` are RGBA bytes, rows without padding."""

    def __init__(self, size: Size, pixels: bytes) -> None:
        self.size = size
        self.pixels = pixels
        self.closed = False

    def close(self) -> None:
        self.closed = True


class NativeGpu:
    """See `GpuBackend`."""

    def __init__(self, web: Path = WEB) -> None:
        self.secure = True
        self.available = True
        self._web = web

    async def adapter(self, *, software: bool = False) -> "NativeAdapter | None":
        found = [a for a in await wgpu.gpu.enumerate_adapters_async() if a.info["backend_type"] in _GRAPHICS]
        found.sort(key=lambda adapter: (adapter.info["adapter_type"] == _CPU) != software)
        return NativeAdapter(found[0], self._web) if found else None


class NativeAdapter:
    """See `Adapter`."""

    def __init__(self, adapter: Any, web: Path) -> None:
        info = adapter.info
        self._adapter = adapter
        self._web = web
        self.facts = AdapterFacts(
            vendor=info["vendor"],
            architecture=info["architecture"],
            description=f"{info['device']} {info['description']}".strip(),
            fallback=info["adapter_type"] == _CPU,
            features=frozenset(adapter.features),
            max_buffer_bytes=adapter.limits["max-buffer-size"],
            max_texture_side=adapter.limits["max-texture-dimension-2d"],
            browser=f"wgpu-py {wgpu.__version__}",
        )

    async def device(self, *, generous: bool = False) -> "NativeDevice":
        limits: Any = {"max-texture-dimension-2d": self.facts.max_texture_side}
        features: Any = [each for each in WANTED if each in self.facts.features]
        try:
            device = await self._adapter.request_device_async(
                required_limits=limits, required_features=features
            )
        except RuntimeError as error:
            raise ReelError.of("gpu.device", "The GPU gave no device", str(error)) from error
        return NativeDevice(device, self.facts, frozenset(features), self._web)


class NativeDevice:
    """See `Device`. Errors raise at once here, so `take_error` has nothing to tell."""

    def __init__(self, device: Any, facts: AdapterFacts, features: frozenset[str], web: Path) -> None:
        self.facts = facts
        self.features = features
        self.frame_kind = FrameKind.TEXTURE
        self.canvas_format = "rgba8unorm"
        self._device = device
        self._queue = device.queue
        self._web = web
        self._destroyed = asyncio.Event()
        self._fence = self.create_buffer(4, BufferUsage.COPY_SRC)

    async def load_shader(self, name: str) -> str:
        return self._read(
            "shaders", f"{name}.wgsl", "gpu.shader-missing", "A shader file is missing"
        ).decode()

    async def load_model(self, name: str) -> bytes:
        return self._read("models", f"{name}.safetensors", "model.missing", "A preview model is missing")

    def _read(self, folder: str, name: str, code: str, title: str) -> bytes:
        path = self._web / folder / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ReelError.of(code, title, f"{path}: {error}", "Rebuild: python3 build.py build.") from error

    def create_buffer(self, size: int, usage: BufferUsage) -> Any:
        return self._device.create_buffer(size=size, usage=int(usage))

    def write_buffer(self, buffer: Any, data: bytes) -> None:
        self._queue.write_buffer(buffer, 0, data)

    def free_buffer(self, buffer: Any) -> None:
        buffer.destroy()

    async def read_buffer(self, buffer: Any, size: int) -> bytes:
        return bytes(self._queue.read_buffer(buffer, 0, size))

    def begin_read(self, buffer: Any, size: int) -> Awaitable[bytes]:
        copy = self.create_buffer(size, BufferUsage.COPY_SRC | BufferUsage.COPY_DST)
        encoder = self._device.create_command_encoder()
        encoder.copy_buffer_to_buffer(buffer, 0, copy, 0, size)
        self._queue.submit([encoder.finish()])
        return self.read_buffer(copy, size)

    @property
    def handle(self) -> Any:
        return self._device

    def create_texture(self, size: Size, format: str, usage: TextureUsage) -> Texture:
        handle = self._device.create_texture(
            size=(size.width, size.height, 1), format=format, usage=int(usage)
        )
        return Texture(size, format, handle, handle.create_view())

    def write_texture(self, texture: Texture, data: bytes) -> None:
        row = texture.size.width * PIXEL_BYTES[texture.format]
        extent = (texture.size.width, texture.size.height, 1)
        self._queue.write_texture({"texture": texture.handle}, data, {"bytes_per_row": row}, extent)

    def free_texture(self, texture: Texture) -> None:
        texture.handle.destroy()

    async def compile(self, code: str) -> tuple[Any, list[ShaderMessage]]:
        try:
            return self._device.create_shader_module(code=code), []
        except wgpu.GPUError as error:
            place = _LINE.search(str(error))
            line, column = (int(place[1]), int(place[2])) if place else (0, 0)
            return None, [ShaderMessage(line, column, _words(error))]

    async def compute_pipeline(self, module: Any, entry: str, constants: Mapping[str, float]) -> Any:
        stage: Any = {"module": module, "entry_point": entry, "constants": dict(constants)}
        try:
            return self._device.create_compute_pipeline(layout="auto", compute=stage)
        except wgpu.GPUError as error:
            raise _refused(error) from error

    def bind(self, pipeline: Any, resources: Sequence[Any]) -> Any:
        return self._bind([None if each is None else _resource(each) for each in resources], pipeline)

    def _bind(self, resources: Sequence[Any], pipeline: Any) -> Any:
        entries: Any = [
            {"binding": index, "resource": each} for index, each in enumerate(resources) if each is not None
        ]
        return self._device.create_bind_group(layout=pipeline.get_bind_group_layout(0), entries=entries)

    def frame_binder(self, pipeline: Any, resources: Sequence[Any]) -> Callable[[Any], Any]:
        kept: list[Texture] = []

        def bind_frame(frame: PixelFrame | Texture) -> Any:
            if isinstance(frame, Texture):
                return self.bind(pipeline, [frame, *resources])
            if not kept or kept[0].size != frame.size:
                usage = TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST
                kept[:] = [self.create_texture(frame.size, "rgba8unorm", usage)]
            self.write_texture(kept[0], frame.pixels)
            return self.bind(pipeline, [kept[0], *resources])

        return bind_frame

    def canvas_binder(self, pipeline: Any, canvas: Canvas, resources: Sequence[Any]) -> Callable[[], Any]:
        def bind_canvas() -> Any:
            # An OffscreenTarget keeps its texture until it is resized.
            if not kept or kept[0] is not canvas.view():
                kept[:] = [canvas.view(), self._bind([canvas.view(), *map(_resource, resources)], pipeline)]
            return kept[1]

        kept: list[Any] = []
        return bind_canvas

    def submit(self, dispatches: Sequence[Dispatch]) -> None:
        encoder = self._device.create_command_encoder()
        _encode(encoder.begin_compute_pass(), dispatches)
        self._queue.submit([encoder.finish()])

    async def done(self) -> None:
        # wgpu-py 0.32 declares on_submitted_work_done's callback wrongly; a read-back waits for all that came
        # before it.
        self._queue.read_buffer(self._fence)

    async def run_ms(self, dispatches: Sequence[Dispatch], rounds: int) -> float:
        if "timestamp-query" not in self.features:
            started = perf_counter()
            self.submit([*dispatches] * rounds)
            await self.done()
            return (perf_counter() - started) * 1000
        usage = wgpu.BufferUsage.QUERY_RESOLVE | wgpu.BufferUsage.COPY_SRC
        queries = self._device.create_query_set(type="timestamp", count=2)
        resolved = self._device.create_buffer(size=16, usage=usage)
        encoder = self._device.create_command_encoder()
        times: Any = {
            "query_set": queries,
            "beginning_of_pass_write_index": 0,
            "end_of_pass_write_index": 1,
        }
        _encode(encoder.begin_compute_pass(timestamp_writes=times), [*dispatches] * rounds)
        encoder.resolve_query_set(queries, 0, 2, resolved, 0)
        self._queue.submit([encoder.finish()])
        began, ended = struct.unpack("<2Q", self._queue.read_buffer(resolved))
        return (ended - began) / 1e6

    async def read_texture(self, texture: Texture) -> bytes:
        row = texture.size.width * PIXEL_BYTES[texture.format]
        extent = (texture.size.width, texture.size.height, 1)
        layout: Any = {"bytes_per_row": row, "rows_per_image": texture.size.height}
        return bytes(self._queue.read_texture({"texture": texture.handle}, layout, extent))

    def canvas(self, handle: Any) -> Canvas:
        if isinstance(handle, OffscreenTarget):
            return handle
        raise ReelError.of("gpu.canvas", "There are no canvases here", f"{handle!r} is no OffscreenTarget.")

    def take_error(self) -> str | None:
        return None

    @property
    def lost(self) -> Awaitable[str]:
        return self._await_loss()

    async def _await_loss(self) -> str:
        # wgpu-py has no promise of a loss: only our own destroy() is told.
        await self._destroyed.wait()
        return "destroyed"

    def destroy(self) -> None:
        self._device.destroy()
        self._destroyed.set()


def _encode(compute: Any, dispatches: Sequence[Dispatch]) -> None:
    for pipeline, bindings, x, y in dispatches:
        compute.set_pipeline(pipeline)
        compute.set_bind_group(0, bindings)
        compute.dispatch_workgroups(x, y)
    compute.end()


def _resource(resource: Any) -> Any:
    return resource.view if isinstance(resource, Texture) else {"buffer": resource}


def _words(error: Exception) -> str:
    """The first sentence of naga's report that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [
        line
        for line in lines
        if line and line not in ("Validation Error", "Caused by:") and not line.startswith("In wgpu")
    ]
    return said[0] if said else str(error)


def _refused(error: Exception) -> ReelError:
    return ReelError.of("gpu.pipeline", "The GPU driver refused a shader", str(error), status=500)
