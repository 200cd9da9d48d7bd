"""A device of the browser's own WebGPU, called through Pyodide. See `pycore.backends.gpu` for what everything
means.

A call from Python into JavaScript costs about 1 µs, an object made from a dict 5 µs. So what runs per frame
(`submit`, `done` and the binders) calls methods on few objects and reuses its descriptors; everything else
takes the readable way.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, create_proxy, to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import binding
from pycore.backends.browser.canvas import BrowserCanvas
from pycore.backends.browser.clock import Clock, encode
from pycore.backends.browser.frame_copies import FrameCopies
from pycore.backends.browser.objects import fetched, js_object
from pycore.backends.browser.reading import Reader
from pycore.backends.gpu import (
    PIXEL_BYTES,
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
        self._create_encoder = device.createCommandEncoder
        self._write_buffer = queue.writeBuffer
        self._submit = queue.submit
        self._work_done = queue.onSubmittedWorkDone
        self._queue = queue
        self._commands = js.Array.of(None)
        self._reader = Reader(device)
        self._clock: Clock | None = None

    def _keep_error(self, event: Any) -> None:
        if len(self._errors) < 10:  # one fault can repeat with every frame
            self._errors.append(str(event.error.message))

    async def load_shader(self, name: str) -> str:
        url = f"{self._base}shaders/{name}.wgsl"
        return await (await fetched(url, "gpu.shader-missing", "A shader file is missing")).text()

    async def load_model(self, name: str) -> bytes:
        url = f"{self._base}models/{name}.safetensors"
        response = await fetched(url, "model.missing", "A preview model is missing")
        return js.Uint8Array.new(await response.arrayBuffer()).to_bytes()

    def create_buffer(self, size: int, usage: BufferUsage) -> Any:
        return self._device.createBuffer(js_object(size=size, usage=int(usage)))

    def write_buffer(self, buffer: Any, data: bytes) -> None:
        self._write_buffer(buffer, 0, to_js(data))

    def free_buffer(self, buffer: Any) -> None:
        buffer.destroy()

    async def read_buffer(self, buffer: Any, size: int) -> bytes:
        return await self._reader.buffer(buffer, size)

    def begin_read(self, buffer: Any, size: int) -> Awaitable[bytes]:
        return self._reader.begin(buffer, size)

    @property
    def handle(self) -> Any:
        return self._device

    def create_texture(self, size: Size, format: str, usage: TextureUsage) -> Texture:
        handle = self._device.createTexture(
            js_object(size=[size.width, size.height], format=format, usage=int(usage))
        )
        return Texture(size, format, handle, handle.createView())

    def write_texture(self, texture: Texture, data: bytes) -> None:
        self._queue.writeTexture(
            js_object(texture=texture.handle),
            to_js(data),
            js_object(bytesPerRow=texture.size.width * PIXEL_BYTES[texture.format]),
            js_object(width=texture.size.width, height=texture.size.height),
        )

    def free_texture(self, texture: Texture) -> None:
        texture.handle.destroy()

    async def compile(self, code: str) -> tuple[Any, list[ShaderMessage]]:
        self._device.pushErrorScope("validation")
        module = self._device.createShaderModule(js_object(code=code))
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
            return await self._device.createComputePipelineAsync(js_object(layout="auto", compute=stage))
        except JsException as error:
            raise _refused(error) from error

    def bind(self, pipeline: Any, resources: Sequence[Any]) -> Any:
        return binding.bind(self._device, pipeline, resources)

    def frame_binder(self, pipeline: Any, resources: Sequence[Any]) -> Callable[[Any], Any]:
        if self.frame_kind is FrameKind.EXTERNAL:
            return binding.external_binder(self._device, pipeline, resources)
        copies = FrameCopies(self, self._queue)
        return binding.copy_binder(self._device, pipeline, resources, copies.copy)

    def canvas_binder(self, pipeline: Any, canvas: Canvas, resources: Sequence[Any]) -> Callable[[], Any]:
        return binding.canvas_binder(self._device, pipeline, canvas, resources)

    def submit(self, dispatches: Sequence[Dispatch]) -> None:
        encoder = self._create_encoder()
        encode(encoder.beginComputePass(), dispatches)
        self._commands[0] = encoder.finish()
        self._submit(self._commands)

    async def done(self) -> None:
        await self._work_done()

    async def run_ms(self, dispatches: Sequence[Dispatch], rounds: int) -> float:
        if "timestamp-query" in self.features:
            if self._clock is None:
                self._clock = Clock(self._device)
            return await self._clock.run_ms(dispatches, rounds)
        started = perf_counter()
        self.submit([*dispatches] * rounds)
        await self.done()
        return (perf_counter() - started) * 1000

    async def read_texture(self, texture: Texture) -> bytes:
        return await self._reader.texture(texture)

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


def _refused(error: Exception) -> ReelError:
    return ReelError.of("gpu.pipeline", "The GPU driver refused a shader", str(error), status=500)
