"""A plan on a device: pipelines compiled once, textures, buffers and bind groups made when the crop's size
changes, nothing per frame but the two bind groups of what changes with every frame."""

from collections.abc import Callable
from typing import Any

from pycore.backends.gpu import BufferUsage, Canvas, Device, Dispatch, Texture, TextureUsage
from pycore.protocol import Size
from pycore.shaders import ShaderManager
from pycore.upscaler.look import LOOK_BYTES, Look
from pycore.upscaler.plan import CELL, Plan, Stage

SCALE = 2
"""The preview's factor: the canvas has this many pixels to each side of a crop pixel."""


class Upscaler:
    """Call `prepare` once, then `show` whenever the look changes, then `steps` per frame."""

    def __init__(self, device: Device, shaders: ShaderManager, plan: Plan) -> None:
        self._device = device
        self._shaders = shaders
        self.plan = plan
        self._look: Look | None = None
        self._canvas: Canvas | None = None
        uniform = BufferUsage.UNIFORM | BufferUsage.STORAGE | BufferUsage.COPY_DST
        self._uniforms = {"look": device.create_buffer(LOOK_BYTES, uniform)}
        for name, block in plan.uniforms.items():
            self._uniforms[name] = device.create_buffer(len(block), uniform)
            device.write_buffer(self._uniforms[name], block)
        self._pipelines: list[Any] = []
        self._surfaces: dict[str, Texture] = {}
        self._buffers: dict[str, Any] = {}
        self._rest: list[Dispatch] = []
        self._grids = ((0, 0), (0, 0))
        self._bind_frame: Callable[[Any], Any] | None = None
        self._bind_canvas: Callable[[], Any] | None = None

    async def prepare(self) -> None:
        """Compiles every stage. Raises ReelError (see ShaderManager)."""
        stages = (self.plan.ingest, *self.plan.stages, self.plan.compose)
        self._pipelines = [await self._shaders.compute(stage.files, stage.constants) for stage in stages]

    def show(self, look: Look, canvas: Canvas) -> None:
        """Takes a new look; resizes the canvas and what lies between stages when the crop has another size
        than before, or the canvas is another."""
        if look == self._look and canvas is self._canvas:
            return
        old, self._look = self._look, look
        self._device.write_buffer(self._uniforms["look"], look.pack())
        if old is None or canvas is not self._canvas or (old.width, old.height) != (look.width, look.height):
            self._canvas = canvas
            self._resize(Size(look.width, look.height), canvas)

    def _resize(self, size: Size, canvas: Canvas) -> None:
        self._free_surfaces()
        usage = TextureUsage.STORAGE_BINDING | TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_SRC
        for surface in self.plan.surfaces:
            scaled = Size(size.width * surface.scale, size.height * surface.scale)
            self._surfaces[surface.name] = self._device.create_texture(scaled, surface.format, usage)
        cells = cells_of(size)
        for buffer in self.plan.buffers:
            self._buffers[buffer.name] = self._device.create_buffer(
                cells.width * cells.height * buffer.cell_bytes, BufferUsage.STORAGE | BufferUsage.COPY_SRC
            )
        ingest, *rest, compose = self._pipelines
        self._bind_frame = self._device.frame_binder(ingest, self._resources(self.plan.ingest)[1:])
        self._bind_canvas = self._device.canvas_binder(
            compose, canvas, self._resources(self.plan.compose)[1:]
        )
        self._grids = grid(self.plan.ingest, size), grid(self.plan.compose, size)
        self._rest = [
            Dispatch(pipeline, self._device.bind(pipeline, self._resources(stage)), *grid(stage, size))
            for pipeline, stage in zip(rest, self.plan.stages, strict=True)
        ]
        canvas.resize(Size(size.width * SCALE, size.height * SCALE))

    def _resources(self, stage: Stage) -> list[Any]:
        named = {"frame": None, "canvas": None, **self._uniforms, **self._surfaces, **self._buffers}
        return [named[name] for name in stage.binds]

    def steps(self, frame: Any) -> list[Dispatch]:
        """What to submit for that frame (or Texture, in a plan for FrameKind.TEXTURE). Call `show` first."""
        if self._bind_frame is None or self._bind_canvas is None:
            raise RuntimeError("Upscaler.steps() before show()")
        ingest, compose = self._grids
        return [
            Dispatch(self._pipelines[0], self._bind_frame(frame), *ingest),
            *self._rest,
            Dispatch(self._pipelines[-1], self._bind_canvas(), *compose),
        ]

    async def alternative(self, stage: Stage) -> Dispatch:
        """Another way to compute one of the inner stages, on what this one has: for the tuner. Call `show`
        first."""
        assert self._look is not None
        pipeline = await self._shaders.compute(stage.files, stage.constants)
        size = Size(self._look.width, self._look.height)
        return Dispatch(pipeline, self._device.bind(pipeline, self._resources(stage)), *grid(stage, size))

    def rest(self) -> None:
        """Gives back the memory that grows with the crop; `show` takes it again."""
        self._free_surfaces()
        self._look = self._canvas = self._bind_frame = self._bind_canvas = None
        self._rest = []

    def free(self) -> None:
        """Gives all memory back; of no use then."""
        self.rest()
        for buffer in self._uniforms.values():
            self._device.free_buffer(buffer)

    def _free_surfaces(self) -> None:
        for texture in self._surfaces.values():
            self._device.free_texture(texture)
        for buffer in self._buffers.values():
            self._device.free_buffer(buffer)
        self._surfaces.clear()
        self._buffers.clear()

    def surface(self, name: str) -> Texture:
        """The texture of that name (see the plan), for tests."""
        return self._surfaces[name]

    def buffer(self, name: str) -> Any:
        """The buffer of that name (see the plan), for tests."""
        return self._buffers[name]


def cells_of(size: Size) -> Size:
    """A net's cells for a crop of that size."""
    return Size(-(-size.width // CELL), -(-size.height // CELL))


def grid(stage: Stage, size: Size) -> tuple[int, int]:
    """Workgroups for a crop of that size."""
    width, height = (-(-side // stage.unit) + stage.margin for side in (size.width, size.height))
    return -(-width // stage.tile[0]), -(-height // stage.tile[1])
