"""Which part of a picture the net looks at, and at what size."""

import math
import struct
from dataclasses import dataclass

from pycore.protocol import Rect, Size
from pycore.tracking.decoding import Window, padded

BYTES = 48
"""Of the uniform of detect_view.wgsl."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How a decoder's frames lie on the display: `coded` size in pixels, clockwise `rotation` in degrees,
    then mirrored where `flip`."""

    coded: Size
    rotation: int = 0
    flip: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """`part` of the display, in display pixels, scaled to `used` pixels at the top left of the net's input
    of `size`."""

    part: Rect
    used: Size
    size: Size

    @property
    def window(self) -> Window:
        """For pycore.tracking.decoding."""
        part = self.part
        return Window(part.x, part.y, self.used.width / part.width, self.used.height / part.height)

    def packed(self, display: Size, turn: Turn) -> bytes:
        """The uniform for frames that lie as `turn` says on a display of that size."""
        scale_x = turn.coded.width / (display.height if turn.rotation % 180 else display.width)
        scale_y = turn.coded.height / (display.width if turn.rotation % 180 else display.height)

        def frame(x: float, y: float) -> tuple[float, float]:
            if turn.flip:
                x = display.width - x
            match turn.rotation % 360:
                case 90:
                    x, y = y, display.width - x
                case 180:
                    x, y = display.width - x, display.height - y
                case 270:
                    x, y = display.height - y, x
            return x * scale_x, y * scale_y

        part = self.part
        origin = frame(part.x, part.y)
        right = frame(part.x + part.width / self.used.width, part.y)
        below = frame(part.x, part.y + part.height / self.used.height)
        across = (right[0] - origin[0], right[1] - origin[1])
        down = (below[0] - origin[0], below[1] - origin[1])
        step = max(math.hypot(*across), math.hypot(*down))
        samples = max(1, math.ceil(step - 1e-3))
        sizes = (self.size.width, self.size.height, self.used.width, self.used.height)
        return struct.pack("<6f4Iii", *origin, *across, *down, *sizes, samples, 0).ljust(BYTES, b"\0")


def whole(display: Size, longest: int, least: int = 0) -> View:
    """All of a picture, its long side no longer than `longest` and, enlarged where it must be, no shorter
    than `least` input pixels."""
    side = max(display.width, display.height)
    scale = min(longest / side, max(1.0, least / side))
    used = Size(max(1, round(display.width * scale)), max(1, round(display.height * scale)))
    return View(
        Rect(0, 0, display.width, display.height), used, Size(padded(used.width), padded(used.height))
    )


def around(x: float, y: float, display: Size, side: Size, scale: float = 1.0) -> View:
    """A window of `side` input pixels with (x, y), display pixels, in its middle, moved into the picture;
    `scale` input pixels make a display pixel."""
    width = min(side.width / scale, display.width)
    height = min(side.height / scale, display.height)
    left = min(max(round(x - width / 2), 0), display.width - width)
    top = min(max(round(y - height / 2), 0), display.height - height)
    used = Size(max(1, round(width * scale)), max(1, round(height * scale)))
    return View(Rect(left, top, width, height), used, Size(padded(used.width), padded(used.height)))
