"""What the preview needs of a GPU, and no more. Two implementations: `native_gpu` (wgpu-py: tests, shader
work on a server) and `browser.gpu` (the browser's own WebGPU). One contract test runs over both, another
compares their public names.

Shapes: sizes are pixels; texture formats, usages and their numbers are WebGPU's. Every resource lives on the
GPU: pixels become Python bytes only in `read_texture`, which tests use. A shader's bindings are all in group
0 and numbered as they are listed.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Any, NamedTuple, Protocol

from pycore.protocol import Size

SOFTWARE_NAMES = ("swiftshader", "llvmpipe", "lavapipe", "softpipe", "microsoft basic render")
"""Software renderers by the names that adapters report. Chrome has reported them as hardware, so their flag
alone will not do; one that is missing here is found out by the micro-benchmark."""


class FrameKind(StrEnum):
    """How shaders see a source frame: picks `frame_external.wgsl` or `frame_texture.wgsl`."""

    EXTERNAL = "external"
    TEXTURE = "texture"


class BufferUsage(IntFlag):
    """WebGPU's GPUBufferUsage."""

    COPY_SRC = 0x04
    COPY_DST = 0x08
    UNIFORM = 0x40
    STORAGE = 0x80


class TextureUsage(IntFlag):
    """WebGPU's GPUTextureUsage."""

    COPY_SRC = 0x01
    COPY_DST = 0x02
    TEXTURE_BINDING = 0x04
    STORAGE_BINDING = 0x08
    RENDER_ATTACHMENT = 0x10


WANTED = ("bgra8unorm-storage", "timestamp-query", "shader-f16")
"""Optional features that a device gets where its adapter has them: canvases of format bgra8unorm are written
by compute shaders, kernels are timed by the GPU's own clock, and read and write halves by themselves."""

PIXEL_BYTES = {"rgba8unorm": 4, "bgra8unorm": 4, "r32float": 4, "rgba16float": 8, "rgba32float": 16}
"""Bytes of one texel of the formats in use."""


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What an adapter says about itself. Browsers may leave any text empty. `fallback`: it calls itself a
    software adapter."""

    vendor: str = ""
    architecture: str = ""
    description: str = ""
    fallback: bool = False
    features: frozenset[str] = frozenset()
    max_buffer_bytes: int = 0
    max_texture_side: int = 8192
    browser: str = ""
    """What the adapter is reached through, with its version: figures of one browser do not hold in
    another."""

    @property
    def software(self) -> bool:
        """Whether it computes on the CPU, as far as flag and names tell."""
        names = f"{self.vendor} {self.architecture} {self.description}".lower()
        return self.fallback or any(name in names for name in SOFTWARE_NAMES)


@dataclass(frozen=True, slots=True)
class ShaderMessage:
    """A compiler's remark: `line` and `column` count from 1 in the code that was handed over, 0 where it
    names none."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Texture:
    """A 2D texture and its only view; `handle` and `view` are the backend's."""

    size: Size
    format: str
    handle: Any
    view: Any


class Dispatch(NamedTuple):
    """One step of a compute pass: `x` by `y` workgroups."""

    pipeline: Any
    bindings: Any
    x: int
    y: int


class Canvas(Protocol):
    """Where a picture is drawn: the page's canvas or a texture."""

    format: str

    def resize(self, size: Size) -> None:
        """Gives the canvas that many pixels. Its content is undefined until the next draw."""
        ...

    def view(self) -> Any:
        """The texture view to draw this frame on."""
        ...


class Frame(Protocol):
    """A decoded picture: a VideoFrame in the browser, `PixelFrame` natively. Whoever takes it closes it."""

    def close(self) -> None: ...


class Device(Protocol):
    """A GPU device. Calls that fail on the GPU's side do not raise at once in browsers: see `take_error`."""

    facts: AdapterFacts
    features: frozenset[str]
    """Of WANTED, what this device has."""
    frame_kind: FrameKind
    canvas_format: str
    """The format of the platform's canvases: rgba8unorm or bgra8unorm; compute shaders can write to it."""

    async def load_shader(self, name: str) -> str:
        """The text of `shaders/<name>.wgsl`. Raises ReelError when it cannot be had."""
        ...

    def create_buffer(self, size: int, usage: BufferUsage) -> Any:
        """A zeroed buffer of `size` bytes (a multiple of 4)."""
        ...

    async def load_model(self, name: str) -> bytes:
        """The content of `models/<name>.safetensors`. Raises ReelError when it cannot be had."""
        ...

    @property
    def handle(self) -> Any:
        """The backend's own device, for libraries that share it."""
        ...

    def write_buffer(self, buffer: Any, data: bytes) -> None:
        """Queues a write from offset 0; `data`'s length is a multiple of 4."""
        ...

    def free_buffer(self, buffer: Any) -> None:
        """Gives its memory back once what was submitted has run."""
        ...

    async def read_buffer(self, buffer: Any, size: int) -> bytes:
        """Its first `size` bytes. For tests: it waits for the GPU."""
        ...

    def begin_read(self, buffer: Any, size: int) -> Awaitable[bytes]:
        """Its first `size` bytes as they are once what was submitted so far has run. To be awaited, while
        more may be submitted."""
        ...

    def create_texture(self, size: Size, format: str, usage: TextureUsage) -> Texture:
        """A zeroed texture. `format` is one of PIXEL_BYTES."""
        ...

    def write_texture(self, texture: Texture, data: bytes) -> None:
        """Queues a write of the whole texture, rows without padding."""
        ...

    def free_texture(self, texture: Texture) -> None:
        """Gives its memory back once what was submitted has run."""
        ...

    async def compile(self, code: str) -> tuple[Any, list[ShaderMessage]]:
        """A shader module and the compiler's errors; the module is of use only when there are none."""
        ...

    async def compute_pipeline(self, module: Any, entry: str, constants: Mapping[str, float]) -> Any:
        """A compute pipeline with the given override constants, bindings laid out as the shader uses them.
        Raises ReelError "gpu.pipeline" with the driver's words when it cannot be made."""
        ...

    def bind(self, pipeline: Any, resources: Sequence[Any]) -> Any:
        """A bind group: resource i (a buffer or a Texture) at binding i; where it is None, nothing is."""
        ...

    def frame_binder(self, pipeline: Any, resources: Sequence[Any]) -> Callable[[Any], Any]:
        """A function from a frame to a bind group with that frame at binding 0 and `resources` from binding
        1. The bind group is good until the frame is closed. Where the shader takes plain textures, a Texture
        will do as a frame."""
        ...

    def canvas_binder(self, pipeline: Any, canvas: Canvas, resources: Sequence[Any]) -> Callable[[], Any]:
        """A function that gives a bind group with the canvas's current texture at binding 0 and `resources`
        from binding 1. It is good for the next `submit` only."""
        ...

    def submit(self, dispatches: Sequence[Dispatch]) -> None:
        """One encoder, one submit: the dispatches in order in one compute pass."""
        ...

    async def done(self) -> None:
        """Returns when all that was submitted so far has run."""
        ...

    async def run_ms(self, dispatches: Sequence[Dispatch], rounds: int) -> float:
        """Runs them `rounds` times in one submit and returns the milliseconds that all of it took: by the
        GPU's own clock with "timestamp-query" (browsers round that to 0.1 ms), else by ours around the
        submit. So let it be long, or take the best of several."""
        ...

    async def read_texture(self, texture: Texture) -> bytes:
        """The texture's pixels, rows without padding. For tests: it waits for the GPU."""
        ...

    def canvas(self, handle: Any) -> Canvas:
        """The page's canvas (an OffscreenCanvas) as a Canvas. An `OffscreenTarget` is one already. Raises
        ReelError "gpu.canvas" when the canvas has another context."""
        ...

    def take_error(self) -> str | None:
        """The first error that the GPU reported since the last call, in its words."""
        ...

    @property
    def lost(self) -> Awaitable[str]:
        """Resolves with the reason in words once the device is gone, for good."""
        ...

    def destroy(self) -> None:
        """Frees the device and all that was made from it."""
        ...


class Adapter(Protocol):
    facts: AdapterFacts

    async def device(self, *, generous: bool = False) -> Device:
        """A new device with the adapter's own texture size limit; `generous`: also with what ONNX Runtime
        makes use of. Raises ReelError "gpu.device" when there is
        none to be had."""
        ...


class GpuBackend(Protocol):
    """The platform: `secure` and `available` tell why there may be no adapter (an insecure page; a browser
    without WebGPU)."""

    secure: bool
    available: bool

    async def adapter(self, *, software: bool = False) -> Adapter | None:
        """The fastest adapter, or None. `software` asks for a software adapter where there is a choice."""
        ...


class OffscreenTarget:
    """A canvas that is a texture: read it with `device.read_texture(target.texture)`, or let the next stage
    read it."""

    def __init__(self, device: Device, format: str = "rgba8unorm") -> None:
        self.format = format
        self._device = device
        self._texture: Texture | None = None

    def resize(self, size: Size) -> None:
        self.free()
        usage = TextureUsage.STORAGE_BINDING | TextureUsage.COPY_SRC | TextureUsage.TEXTURE_BINDING
        self._texture = self._device.create_texture(size, self.format, usage)

    def free(self) -> None:
        """Gives its memory back."""
        if self._texture is not None:
            self._device.free_texture(self._texture)
            self._texture = None

    def view(self) -> Any:
        return self.texture.view

    @property
    def texture(self) -> Texture:
        if self._texture is None:
            raise RuntimeError("an OffscreenTarget has no texture before its first resize()")
        return self._texture
