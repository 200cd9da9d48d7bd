"""A plan on a device: pipelines compiled once, textures and bind groups made when the crop's size changes,
nothing per frame."""

from collections.abc import Callable
from typing import Any

from pycore.backends.gpu import BufferUsage, Canvas, Device, Dispatch, Draw, Texture, TextureUsage
from pycore.protocol import Size
from pycore.shaders import ShaderManager
from pycore.upscaler.look import LOOK_BYTES, Look
from pycore.upscaler.plan import TILE, Plan, Stage

SCALE = 2
"""The preview's factor: the canvas has this many pixels to each side of a crop pixel."""


class Upscaler:
    """Call `prepare` once, then `show` whenever the look changes, then `steps` per frame."""

    def __init__(self, device: Device, shaders: ShaderManager, plan: Plan) -> None:
        self._device = device
        self._shaders = shaders
        self._plan = plan
        self._look: Look | None = None
        self._look_buffer = device.create_buffer(LOOK_BYTES, BufferUsage.UNIFORM | BufferUsage.COPY_DST)
        self._pipelines: list[Any] = []
        self._surfaces: dict[str, Texture] = {}
        self._rest: list[Dispatch] = []
        self._ingest_grid = (0, 0)
        self._bind_frame: Callable[[Any], Any] | None = None
        self._draw: Draw | None = None

    async def prepare(self, format: str) -> None:
        """Compiles every stage; `format` is the canvas's. Raises ReelError (see ShaderManager)."""
        stages = (self._plan.ingest, *self._plan.stages)
        pipelines = [await self._shaders.compute(stage.files) for stage in stages]
        pipelines.append(await self._shaders.render(self._plan.compose.files, format))
        self._pipelines = pipelines

    def show(self, look: Look, canvas: Canvas) -> None:
        """Takes a new look; resizes the canvas and the surfaces when the crop has another size than
        before."""
        if look == self._look:
            return
        old, self._look = self._look, look
        self._device.write_buffer(self._look_buffer, look.pack())
        if old is None or (old.width, old.height) != (look.width, look.height):
            self._resize(Size(look.width, look.height), canvas)

    def _resize(self, size: Size, canvas: Canvas) -> None:
        usage = TextureUsage.STORAGE_BINDING | TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_SRC
        for surface in self._plan.surfaces:
            scaled = Size(size.width * surface.scale, size.height * surface.scale)
            if surface.name in self._surfaces:
                self._device.free_texture(self._surfaces[surface.name])
            self._surfaces[surface.name] = self._device.create_texture(scaled, surface.format, usage)
        ingest, *rest, compose = self._pipelines
        self._bind_frame = self._device.frame_binder(ingest, self._resources(self._plan.ingest)[1:])
        self._ingest_grid = _grid(self._plan.ingest, size)
        self._rest = [
            Dispatch(pipeline, self._device.bind(pipeline, self._resources(stage)), *_grid(stage, size))
            for pipeline, stage in zip(rest, self._plan.stages, strict=True)
        ]
        self._draw = Draw(compose, self._device.bind(compose, self._resources(self._plan.compose)), canvas)
        canvas.resize(Size(size.width * SCALE, size.height * SCALE))

    def _resources(self, stage: Stage) -> list[Any]:
        named = {"frame": None, "look": self._look_buffer, **self._surfaces}
        return [named[name] for name in stage.binds]

    def steps(self, frame: Any) -> tuple[list[Dispatch], Draw]:
        """What to submit for that frame (or Texture, in a plan for FrameKind.TEXTURE). Call `show` first."""
        if self._bind_frame is None or self._draw is None:
            raise RuntimeError("Upscaler.steps() before show()")
        ingest = Dispatch(self._pipelines[0], self._bind_frame(frame), *self._ingest_grid)
        return [ingest, *self._rest], self._draw

    def free(self) -> None:
        """Gives the surfaces' memory back."""
        for texture in self._surfaces.values():
            self._device.free_texture(texture)
        self._surfaces.clear()
        self._look = None

    def surface(self, name: str) -> Texture:
        """The texture of that name (see the plan), for tests."""
        return self._surfaces[name]


def _grid(stage: Stage, size: Size) -> tuple[int, int]:
    width, height = size.width * stage.scale + stage.margin, size.height * stage.scale + stage.margin
    return -(-width // TILE), -(-height // TILE)
