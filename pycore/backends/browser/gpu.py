"""The browser's own WebGPU, called through Pyodide. See `pycore.backends.gpu` for what everything means.

A call from Python into JavaScript costs about 1 µs, an object made from a dict 5 µs. So what runs per frame
(`submit`, `done` and the binder) calls methods on few objects and reuses its descriptors; everything else
takes the readable way.
"""

import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import (  # pyright: ignore[reportMissingImports]
    JsException,
    create_proxy,
    to_js,
)

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

COLOR_SPACE = "srgb"
"""Of the canvas, and what the browser converts external textures to."""

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
_MAP_READ = 0x01
_QUERY_RESOLVE = 0x0200
_COPY_ROW = 256
"""WebGPU's alignment of a row in a texture-to-buffer copy."""


def _object(**fields: Any) -> Any:
    return to_js(fields, dict_converter=js.Object.fromEntries)


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
        adapter = await self._gpu.requestAdapter(_object(powerPreference="high-performance"))
        if not adapter and software:
            adapter = await self._gpu.requestAdapter(_object(forceFallbackAdapter=True))
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
                _object(requiredLimits=limits, requiredFeatures=features)
            )
        except JsException as error:
            raise ReelError.of(
                "gpu.device", "The GPU gave no device", str(error), "Reload the page.", 500
            ) from error
        preferred = str(self._gpu.getPreferredCanvasFormat())
        # The canvas is written by a compute shader; bgra8unorm, which many platforms prefer, needs a feature.
        writable = preferred if preferred != "bgra8unorm" or _BGRA_STORAGE in features else "rgba8unorm"
        return BrowserDevice(device, self.facts, frozenset(features), writable, self._base)


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
            _object(device=device, format=format, usage=usage, alphaMode="opaque", colorSpace=COLOR_SPACE)
        )
        self._get_current_texture = context.getCurrentTexture

    def resize(self, size: Size) -> None:
        self._canvas.width = size.width
        self._canvas.height = size.height

    def view(self) -> Any:
        return self._get_current_texture().createView()


class BrowserDevice:
    """See `Device`."""

    def __init__(
        self, device: Any, facts: AdapterFacts, features: frozenset[str], canvas_format: str, base: str
    ) -> None:
        self.facts = facts
        self.features = features
        self.canvas_format = canvas_format
        # Firefox has no external textures yet: there the frame is copied on the GPU.
        external = getattr(device, "importExternalTexture", None)
        self.frame_kind = FrameKind.TEXTURE if external is None else FrameKind.EXTERNAL
        self._device = device
        self._base = base
        self._errors: list[str] = []
        self._on_error = create_proxy(self._keep_error)
        device.onuncapturederror = self._on_error
        queue = device.queue
        self._import_external = external
        self._create_bind_group = device.createBindGroup
        self._create_encoder = device.createCommandEncoder
        self._write_buffer = queue.writeBuffer
        self._submit = queue.submit
        self._work_done = queue.onSubmittedWorkDone
        self._queue = queue
        self._commands = js.Array.of(None)
        self._readers: dict[int, list[Any]] = {}
        """Buffers that are free to be read, by size."""
        self._clock: _Clock | None = None

    def _keep_error(self, event: Any) -> None:
        if len(self._errors) < 10:  # one fault can repeat with every frame
            self._errors.append(str(event.error.message))

    async def load_shader(self, name: str) -> str:
        url = f"{self._base}shaders/{name}.wgsl"
        return await (await _fetch(url, "gpu.shader-missing", "A shader file is missing")).text()

    async def load_model(self, name: str) -> bytes:
        url = f"{self._base}models/{name}.safetensors"
        response = await _fetch(url, "model.missing", "A preview model is missing")
        return js.Uint8Array.new(await response.arrayBuffer()).to_bytes()

    def create_buffer(self, size: int, usage: BufferUsage) -> Any:
        return self._device.createBuffer(_object(size=size, usage=int(usage)))

    def write_buffer(self, buffer: Any, data: bytes) -> None:
        self._write_buffer(buffer, 0, to_js(data))

    def free_buffer(self, buffer: Any) -> None:
        buffer.destroy()

    async def read_buffer(self, buffer: Any, size: int) -> bytes:
        usage = _MAP_READ | int(BufferUsage.COPY_DST)
        copy = self._device.createBuffer(_object(size=size, usage=usage))
        encoder = self._create_encoder()
        encoder.copyBufferToBuffer(buffer, 0, copy, 0, size)
        self._submit(js.Array.of(encoder.finish()))
        await copy.mapAsync(_MAP_READ)
        data = js.Uint8Array.new(copy.getMappedRange()).to_bytes()
        copy.destroy()
        return data

    def begin_read(self, buffer: Any, size: int) -> Awaitable[bytes]:
        kept = self._readers.setdefault(size, [])
        usage = _MAP_READ | int(BufferUsage.COPY_DST)
        copy = kept.pop() if kept else self._device.createBuffer(_object(size=size, usage=usage))
        encoder = self._create_encoder()
        encoder.copyBufferToBuffer(buffer, 0, copy, 0, size)
        self._commands[0] = encoder.finish()
        self._submit(self._commands)
        return self._finish_read(copy, copy.mapAsync(_MAP_READ), size)

    async def _finish_read(self, copy: Any, mapped: Any, size: int) -> bytes:
        await mapped
        data = js.Uint8Array.new(copy.getMappedRange()).to_bytes()
        copy.unmap()
        self._readers[size].append(copy)
        return data

    @property
    def handle(self) -> Any:
        return self._device

    def create_texture(self, size: Size, format: str, usage: TextureUsage) -> Texture:
        handle = self._device.createTexture(
            _object(size=[size.width, size.height], format=format, usage=int(usage))
        )
        return Texture(size, format, handle, handle.createView())

    def write_texture(self, texture: Texture, data: bytes) -> None:
        self._queue.writeTexture(
            _object(texture=texture.handle),
            to_js(data),
            _object(bytesPerRow=texture.size.width * PIXEL_BYTES[texture.format]),
            _object(width=texture.size.width, height=texture.size.height),
        )

    def free_texture(self, texture: Texture) -> None:
        texture.handle.destroy()

    async def compile(self, code: str) -> tuple[Any, list[ShaderMessage]]:
        self._device.pushErrorScope("validation")
        module = self._device.createShaderModule(_object(code=code))
        info = await module.getCompilationInfo()
        await self._device.popErrorScope()  # the same errors, without their places
        errors = [
            ShaderMessage(int(message.lineNum), int(message.linePos), str(message.message))
            for message in info.messages
            if message.type == "error"
        ]
        return module, errors

    async def compute_pipeline(self, module: Any, entry: str, constants: Mapping[str, float]) -> Any:
        stage = {"module": module, "entryPoint": entry, "constants": dict(constants)}
        try:
            return await self._device.createComputePipelineAsync(_object(layout="auto", compute=stage))
        except JsException as error:
            raise _refused(error) from error

    def bind(self, pipeline: Any, resources: Sequence[Any]) -> Any:
        entries = [
            {"binding": index, "resource": _resource(each)}
            for index, each in enumerate(resources)
            if each is not None
        ]
        return self._create_bind_group(_object(layout=pipeline.getBindGroupLayout(0), entries=entries))

    def frame_binder(self, pipeline: Any, resources: Sequence[Any]) -> Callable[[Any], Any]:
        entries = [
            {"binding": index + 1, "resource": _resource(each)} for index, each in enumerate(resources)
        ]
        first = _object(binding=0)
        descriptor = _object(layout=pipeline.getBindGroupLayout(0), entries=[first, *entries])
        create_bind_group: Any = self._create_bind_group
        import_external: Any = self._import_external
        source = _object(colorSpace=COLOR_SPACE)
        copies = _FrameCopies(self)

        def bind_external(frame: Any) -> Any:
            if isinstance(frame, Texture):
                first.resource = frame.view
            else:
                source.source = frame
                first.resource = import_external(source)
                source.source = None  # else the descriptor keeps the frame until the next one
            return create_bind_group(descriptor)

        def bind_copy(frame: Any) -> Any:
            first.resource = (frame if isinstance(frame, Texture) else copies.copy(frame)).view
            return create_bind_group(descriptor)

        return bind_copy if import_external is None else bind_external

    def canvas_binder(self, pipeline: Any, canvas: Canvas, resources: Sequence[Any]) -> Callable[[], Any]:
        first = _object(binding=0)
        entries = [
            {"binding": index + 1, "resource": _resource(each)} for index, each in enumerate(resources)
        ]
        descriptor = _object(layout=pipeline.getBindGroupLayout(0), entries=[first, *entries])
        create_bind_group: Any = self._create_bind_group

        def bind_canvas() -> Any:
            first.resource = canvas.view()
            return create_bind_group(descriptor)

        return bind_canvas

    def submit(self, dispatches: Sequence[Dispatch]) -> None:
        encoder = self._create_encoder()
        _encode(encoder.beginComputePass(), dispatches)
        self._commands[0] = encoder.finish()
        self._submit(self._commands)

    async def done(self) -> None:
        await self._work_done()

    async def run_ms(self, dispatches: Sequence[Dispatch], rounds: int) -> float:
        if "timestamp-query" in self.features:
            if self._clock is None:
                self._clock = _Clock(self._device)
            return await self._clock.run_ms(dispatches, rounds)
        started = perf_counter()
        self.submit([*dispatches] * rounds)
        await self.done()
        return (perf_counter() - started) * 1000

    async def read_texture(self, texture: Texture) -> bytes:
        width, height = texture.size.width, texture.size.height
        row = width * PIXEL_BYTES[texture.format]
        pitch = -(-row // _COPY_ROW) * _COPY_ROW
        usage = _MAP_READ | int(BufferUsage.COPY_DST)
        buffer = self._device.createBuffer(_object(size=pitch * height, usage=usage))
        encoder = self._create_encoder()
        encoder.copyTextureToBuffer(
            _object(texture=texture.handle),
            _object(buffer=buffer, bytesPerRow=pitch),
            _object(width=width, height=height),
        )
        self._submit(js.Array.of(encoder.finish()))
        await buffer.mapAsync(_MAP_READ)
        data = js.Uint8Array.new(buffer.getMappedRange()).to_bytes()
        buffer.destroy()
        return b"".join(data[line * pitch : line * pitch + row] for line in range(height))

    def canvas(self, handle: Any) -> Canvas:
        if isinstance(handle, OffscreenTarget):
            return handle
        return BrowserCanvas(handle, self._device, self.canvas_format)

    def take_error(self) -> str | None:
        if not self._errors:
            return None
        error = self._errors[0]
        self._errors.clear()
        return error

    @property
    def lost(self) -> Awaitable[str]:
        return self._await_loss()

    async def _await_loss(self) -> str:
        info = await self._device.lost
        return info.message or info.reason

    def destroy(self) -> None:
        self._device.onuncapturederror = None
        self._on_error.destroy()
        self._device.destroy()


class _Clock:
    """The GPU's own clock around a compute pass. One measurement at a time."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._queries = device.createQuerySet(_object(type="timestamp", count=2))
        copied = int(BufferUsage.COPY_SRC)
        self._resolved = device.createBuffer(_object(size=16, usage=_QUERY_RESOLVE | copied))
        self._read = device.createBuffer(_object(size=16, usage=_MAP_READ | int(BufferUsage.COPY_DST)))
        self._descriptor = _object(
            timestampWrites={
                "querySet": self._queries,
                "beginningOfPassWriteIndex": 0,
                "endOfPassWriteIndex": 1,
            }
        )

    async def run_ms(self, dispatches: Sequence[Dispatch], rounds: int) -> float:
        encoder = self._device.createCommandEncoder()
        _encode(encoder.beginComputePass(self._descriptor), [*dispatches] * rounds)
        encoder.resolveQuerySet(self._queries, 0, 2, self._resolved, 0)
        encoder.copyBufferToBuffer(self._resolved, 0, self._read, 0, 16)
        self._device.queue.submit(js.Array.of(encoder.finish()))
        await self._read.mapAsync(_MAP_READ)
        began, ended = struct.unpack("<2Q", js.Uint8Array.new(self._read.getMappedRange()).to_bytes())
        self._read.unmap()
        return (ended - began) / 1e6


def _encode(compute: Any, dispatches: Sequence[Dispatch]) -> None:
    set_pipeline, set_bind_group, dispatch = (
        compute.setPipeline,
        compute.setBindGroup,
        compute.dispatchWorkgroups,
    )
    for pipeline, bindings, x, y in dispatches:
        set_pipeline(pipeline)
        set_bind_group(0, bindings)
        dispatch(x, y)
    compute.end()


class _FrameCopies:
    """Frames as plain textures, in one texture that is made again when their size changes."""

    def __init__(self, device: BrowserDevice) -> None:
        self._owner = device
        self._texture: Texture | None = None

    def copy(self, frame: Any) -> Texture:
        size = Size(frame.displayWidth, frame.displayHeight)
        if self._texture is None or self._texture.size != size:
            if self._texture is not None:
                self._owner.free_texture(self._texture)
            # RENDER_ATTACHMENT: the specification asks for it with copyExternalImageToTexture.
            usage = TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST | TextureUsage.RENDER_ATTACHMENT
            self._texture = self._owner.create_texture(size, "rgba8unorm", usage)
        self._owner._queue.copyExternalImageToTexture(
            _object(source=frame),
            _object(texture=self._texture.handle, colorSpace=COLOR_SPACE),
            _object(width=size.width, height=size.height),
        )
        return self._texture


def _resource(resource: Any) -> Any:
    return resource.view if isinstance(resource, Texture) else {"buffer": resource}


async def _fetch(url: str, code: str, title: str) -> Any:
    try:
        response = await js.fetch(url)
        why = "" if response.ok else f"HTTP {response.status}"
    except JsException as error:
        raise ReelError.of(code, title, f"{url}: {error}", "Reload the page.", status=500) from error
    if why:
        raise ReelError.of(code, title, f"{url}: {why}", "Reload the page.", status=500)
    return response


def _refused(error: Exception) -> ReelError:
    return ReelError.of("gpu.pipeline", "The GPU driver refused a shader", str(error), status=500)
