"""Cuts: where one shot ends and another begins, told from a glimpse of each picture.

A glimpse is the picture's mean colours on a coarse grid. It changes with every pan and every flash, so a
cut is a change that is large in itself and stands out from the changes just before it (the idea of
PySceneDetect's adaptive detector)."""

import numpy as np
from numpy.typing import NDArray

from pycore.tracking.types import Floats

COLUMNS, ROWS = 16, 9
LEAST = 0.08
"""Mean change of a cell, of 0 to 1, below which nothing is a cut."""
FACTOR = 4.0
"""How many times the usual change a cut is."""
SURE = 0.3
"""Mean change from which it is a cut whatever was usual."""
STEP = 4
"""Every so manieth pixel across and down is looked at."""


def glimpse(picture: NDArray[np.floating]) -> Floats:
    """Mean colours (ROWS, COLUMNS, 3) of a picture (3, H, W) of RGB 0 to 1. `web/shaders/detect_glimpse.wgsl`
    does the same on the GPU and is held to this."""
    _, height, width = picture.shape
    result = np.zeros((ROWS, COLUMNS, 3))
    for row in range(ROWS):
        top, bottom = row * height // ROWS, max((row + 1) * height // ROWS, row * height // ROWS + 1)
        for column in range(COLUMNS):
            left = column * width // COLUMNS
            right = max((column + 1) * width // COLUMNS, left + 1)
            cell = picture[:, top:bottom:STEP, left:right:STEP]
            result[row, column] = cell.mean(axis=(1, 2))
    return result


class CutDetector:
    """Call `update` once a frame, in order."""

    def __init__(self) -> None:
        self._last: Floats | None = None
        self._usual = 0.0

    def update(self, seen: Floats) -> bool:
        """Whether the frame with this glimpse begins a new shot. The first one does not."""
        last, self._last = self._last, seen
        if last is None:
            return False
        change = float(np.abs(seen - last).mean())
        cut = change > SURE or (change > LEAST and change > FACTOR * self._usual)
        # What a cut itself changes says nothing about what is usual in the new shot.
        self._usual = self._usual if cut else 0.8 * self._usual + 0.2 * change
        return cut
