"""A plan on a device: pipelines compiled once, textures, buffers and bind groups made when the crop's size
changes, nothing per frame but the two bind groups of what changes with every frame."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pycore.backends.gpu import BufferUsage, Canvas, Device, Dispatch, Texture, TextureUsage
from pycore.protocol import Size
from pycore.shaders import ShaderManager
from pycore.upscaler.look import LOOK_BYTES, Look
from pycore.upscaler.plan import CELL, Plan, Stage

SCALE = 2
"""The preview's factor: the canvas has this many pixels to each side of a crop pixel."""


class _Bound(NamedTuple):
    """A stage that is bound anew for every frame."""

    pipeline: Any
    bind: Callable[..., Any]
    x: int
    y: int

    def step(self, *given: Any) -> Dispatch:
        return Dispatch(self.pipeline, self.bind(*given), self.x, self.y)


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
        self._ingest: _Bound | None = None
        self._rest: list[Dispatch] = []
        self._compose: _Bound | None = None
        self._plain: _Bound | None = None

    async def prepare(self) -> None:
        """Compiles every stage. Raises ReelError (see ShaderManager)."""
        plain = () if self.plan.plain is None else (self.plan.plain,)
        stages = (self.plan.ingest, *self.plan.stages, self.plan.compose, *plain)
        self._pipelines = [await self._shaders.compute(stage.files, stage.constants) for stage in stages]

    def show(self, look: Look, canvas: Canvas) -> None:
        """Takes a new look; resizes the canvas and what lies between stages when the crop has another size
        than before, or the canvas is another."""
        if (look is self._look or look == self._look) and canvas is self._canvas:
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
        plan, (ingest, *rest) = self.plan, self._pipelines
        resources = self._resources(plan.ingest)[1:]
        self._ingest = _Bound(ingest, self._device.frame_binder(ingest, resources), *grid(plan.ingest, size))
        self._compose = self._onto(canvas, plan.compose, rest[len(plan.stages)], size)
        self._plain = plan.plain and self._onto(canvas, plan.plain, rest[-1], size)
        self._rest = [
            Dispatch(pipeline, self._device.bind(pipeline, self._resources(stage)), *grid(stage, size))
            for pipeline, stage in zip(rest, plan.stages, strict=False)
        ]
        canvas.resize(Size(size.width * SCALE, size.height * SCALE))

    def _onto(self, canvas: Canvas, stage: Stage, pipeline: Any, size: Size) -> "_Bound":
        bind = self._device.canvas_binder(pipeline, canvas, self._resources(stage)[1:])
        return _Bound(pipeline, bind, *grid(stage, size))

    def _resources(self, stage: Stage) -> list[Any]:
        named = {"": None, "frame": None, "canvas": None, **self._uniforms, **self._surfaces, **self._buffers}
        return [named[name] for name in stage.binds]

    def steps(self, frame: Any) -> list[Dispatch]:
        """What to submit for that frame (or Texture, in a plan for FrameKind.TEXTURE). Call `show` first."""
        if self._ingest is None or self._compose is None or self._look is None:
            raise RuntimeError("Upscaler.steps() before show()")
        first = self._ingest.step(frame)
        if self._plain is None or self._look.sharpness > 0:
            return [first, *self._rest, self._compose.step()]
        return [first, *self._rest[:-1], self._plain.step()]

    async def alternative(self, stage: Stage, changing: Texture | None = None) -> Dispatch:
        """Another way to compute a stage, on what this one has: for the tuner. `changing`: the frame or the
        canvas, where the stage is bound to one. Call `show` first."""
        assert self._look is not None
        pipeline = await self._shaders.compute(stage.files, stage.constants)
        size = Size(self._look.width, self._look.height)
        first, *rest = self._resources(stage)
        bindings = self._device.bind(pipeline, [first or changing, *rest])
        return Dispatch(pipeline, bindings, *grid(stage, size))

    def rest(self) -> None:
        """Gives back the memory that grows with the crop; `show` takes it again."""
        self._free_surfaces()
        self._look = self._canvas = self._ingest = self._compose = self._plain = None
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
