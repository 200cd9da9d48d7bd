"""Crops between pixels with a spotlight, for the golden tests of preview and export."""

import math
from dataclasses import dataclass

import numpy as np

from pycore.framing.placing import Window, window_at, window_size
from pycore.protocol import PathPoint, Rect, Size, Spotlight, SpotlightStyle
from pycore.spotlight.drawing import draw
from pycore.spotlight.mark import Mark, Marker
from pycore.tests import reference

PICTURE = Size(96, 80)


@dataclass(frozen=True)
class MarkCase:
    """A crop of a frame of PICTURE, the player's box in the frame and their spotlight."""

    name: str
    crop: Rect
    box: Rect
    spotlight: Spotlight

    @property
    def window(self) -> Window:
        return window_at(self.crop, window_size([self.crop], PICTURE), PICTURE)

    @property
    def size(self) -> Size:
        """The canvas's, and an export's of the same scale."""
        return Size(math.ceil(self.crop.width) * 2, math.ceil(self.crop.height) * 2)

    @property
    def mark(self) -> Mark | None:
        return Marker(self.spotlight, [PathPoint(0, self.box)]).mark(0, self.crop)


BETWEEN = Rect(20.3, 9.7, 31.6, 40.25)
PLAYER = Rect(30.4, 26.1, 8.0, 20.0)

CASES = [
    MarkCase("nothing", BETWEEN, PLAYER, Spotlight()),
    MarkCase("whole pixels", Rect(20, 10, 30, 40), PLAYER, Spotlight(SpotlightStyle.RING)),
    MarkCase("ring", BETWEEN, PLAYER, Spotlight(SpotlightStyle.RING, color="#ff4020")),
    MarkCase("dim", BETWEEN, PLAYER, Spotlight(SpotlightStyle.DIM, strength=0.8)),
    MarkCase("arrow", BETWEEN, PLAYER, Spotlight(SpotlightStyle.ARROW)),
    MarkCase("arrow and name", BETWEEN, PLAYER, Spotlight(SpotlightStyle.ARROW, "Müller")),
    MarkCase("name", BETWEEN, PLAYER, Spotlight(SpotlightStyle.LABEL, "Лука 7")),
    MarkCase("weak ring and name", BETWEEN, PLAYER, Spotlight(SpotlightStyle.RING, "Ai", strength=0.3)),
    MarkCase(
        "at the corner", Rect(0, 0, 27.5, 33.1), Rect(1, -2, 8, 18), Spotlight(SpotlightStyle.ARROW, "X")
    ),
    MarkCase(
        "at the far corner", Rect(66.2, 44.9, 29.8, 35.1), Rect(80, 60, 8, 18), Spotlight(SpotlightStyle.RING)
    ),
]


def wanted(window: np.ndarray, case: MarkCase) -> np.ndarray:
    """(h, w, 3), 0 to 1, from the upscaled window's picture."""
    scale = window.shape[1] / case.window.width
    offset = (case.crop.x - case.window.x) * scale, (case.crop.y - case.window.y) * scale
    step = scale * case.crop.width / case.size.width, scale * case.crop.height / case.size.height
    picture = reference.place(window, offset, step, (case.size.width, case.size.height))
    return picture if case.mark is None else draw(picture, case.crop, case.mark)
