"""The last stage for a crop that moves or has a spotlight: the upscaled window onto the canvas (place.wgsl).
Such a frame is drawn on `Placer.window` first."""

import struct
from dataclasses import dataclass
from typing import Any

from pycore.backends.gpu import BufferUsage, Canvas, Device, Dispatch, OffscreenTarget
from pycore.framing.placing import Window
from pycore.protocol import Rect, Size
from pycore.shaders import ShaderManager
from pycore.spotlight.font import Text
from pycore.spotlight.mark import Mark

_PLACE = struct.Struct("<6f2i")
_MARK = struct.Struct("<4f 4f 2f 2f 2f 2f 2i I 3f")
PLACE_BYTES = 128
_TILE = (16, 8)
_SCALE = 2
_NO_MARK = bytes(_MARK.size)

FILES = ("spotlight", "place")


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a crop (display pixels) lies in the window that is upscaled for it, the canvas's size, and what
    is drawn on top."""

    crop: Rect
    window: Window
    canvas: Size
    mark: Mark | None = None

    def pack(self) -> bytes:
        """The uniform block `place` of place.wgsl."""
        crop, window, canvas = self.crop, self.window, self.canvas
        pixel = crop.width / canvas.width, crop.height / canvas.height
        place = _PLACE.pack(
            (crop.x - window.x) * _SCALE,
            (crop.y - window.y) * _SCALE,
            pixel[0] * _SCALE,
            pixel[1] * _SCALE,
            *pixel,
            canvas.width,
            canvas.height,
        )
        return (place + (_NO_MARK if self.mark is None else _packed(self.mark))).ljust(PLACE_BYTES, b"\0")

    def split(self, share: float) -> float:
        """The share of the window's width that is left of that share of the canvas's."""
        return (self.crop.x - self.window.x + share * self.crop.width) / self.window.width


def _packed(mark: Mark) -> bytes:
    width, height = (0, 0) if mark.line is None else (mark.line.width, mark.line.height)
    return _MARK.pack(
        *mark.color,
        mark.opacity,
        *mark.plate,
        *mark.feet,
        *mark.centre,
        *mark.tip,
        *mark.start,
        width,
        height,
        mark.style,
        mark.height,
        mark.letter,
        mark.capital,
    )


class Placer:
    """Call `prepare` once, `show` whenever the placing changes, `step` per frame."""

    def __init__(self, device: Device, shaders: ShaderManager, canvas: Canvas) -> None:
        self.window = OffscreenTarget(device, canvas.format)
        """What the upscaler draws on."""
        self._device = device
        self._shaders = shaders
        self._canvas = canvas
        self._uniform = device.create_buffer(PLACE_BYTES, BufferUsage.UNIFORM | BufferUsage.COPY_DST)
        self._letters: Any = None
        self._line: Text | None = None
        self._pipeline: Any = None
        self._bind: Any = None
        self._bound: tuple[Any, Any] = (None, None)
        self._size: Size | None = None

    async def prepare(self) -> None:
        """Compiles the stage, once. Raises ReelError (see ShaderManager)."""
        if self._pipeline is None:
            self._pipeline = await self._shaders.compute((f"canvas_{self._canvas.format}", *FILES))

    def show(self, placing: Placing) -> None:
        """Takes a new placing, after the upscaler has given the window its size."""
        self._write(None if placing.mark is None else placing.mark.line)
        self._device.write_buffer(self._uniform, placing.pack())
        if placing.canvas != self._size:
            self._size = placing.canvas
            self._canvas.resize(placing.canvas)
        if self._bound != (self.window.texture, self._letters):
            self._bound = self.window.texture, self._letters
            self._bind = self._device.canvas_binder(
                self._pipeline, self._canvas, [self._uniform, self.window.texture, self._letters]
            )

    def _write(self, line: Text | None) -> None:
        if self._letters is not None and (line is None or line is self._line):
            return
        if self._letters is not None:
            self._device.free_buffer(self._letters)
        data = bytes(4) if line is None else line.distances
        self._letters = self._device.create_buffer(len(data), BufferUsage.STORAGE | BufferUsage.COPY_DST)
        self._device.write_buffer(self._letters, data)
        self._line = line

    def step(self) -> Dispatch:
        """What to submit after the upscaler's. Call `show` first."""
        if self._bind is None or self._size is None:
            raise RuntimeError("Placer.step() before show()")
        return Dispatch(self._pipeline, self._bind(), *grid(self._size))

    def rest(self) -> None:
        """Gives back what grows with the crop; somebody else draws on the canvas."""
        self.window.free()
        self._bind, self._bound, self._size = None, (None, None), None


def grid(canvas: Size) -> tuple[int, int]:
    """Workgroups for a canvas of that size."""
    return -(-canvas.width // _TILE[0]), -(-canvas.height // _TILE[1])
