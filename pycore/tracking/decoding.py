"""From the detector's output to detections: what every detector net of this project says, and how to read it.

The net takes RGB in 0…1, float, NCHW (1, 3, H, W), both sides multiples of `SIDE`; a picture that is none is
padded with zeros on the right and below. It gives, at every `STRIDE`-th pixel,

- `heat` (1, 2, H/4, W/4), 0…1: how surely the centre of a player (channel `PERSON`: players, goalkeepers,
  referees) or of the ball (channel `BALL`) lies in that cell;
- `box` (1, 4, H/4, W/4): the distances, in input pixels, from the cell's centre to the left, top, right and
  bottom edge of what is there.

So there are no anchors, and overlapping boxes are told apart by their centres: peaks of `heat` are the
detections (CenterNet, https://arxiv.org/abs/1904.07850). The shader that does the same on the GPU is held to
this."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pycore.tracking.types import Detections, Floats, Ints

STRIDE = 4
SIDE = 32
PERSON, BALL = 0, 1
LEAST = 0.1
"""Score below which a peak is not worth reading."""
MOST = 128
"""Peaks of one class that are read at most, the best first."""
SMALLEST = 1.0
"""Input pixels: sides of boxes that are thinner are widened to this."""


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Peaks of one class, best first: rows (K,) and columns (K,) of cells, scores (K,)."""

    rows: Ints
    columns: Ints
    scores: Floats


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the picture that the net saw: its corner in display pixels, and how many of its input
    pixels make one display pixel, across and down."""

    x: float = 0.0
    y: float = 0.0
    across: float = 1.0
    down: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What the detector saw in one picture, best first."""

    people: Detections
    ball: Detections


def padded(length: int) -> int:
    """The side of the net's input that holds so many pixels."""
    return -(-length // SIDE) * SIDE


def peaks(heat: NDArray[np.floating], least: float = LEAST, most: int = MOST) -> Peaks:
    """The peaks of one class's heat (h, w): cells that none of their eight neighbours exceeds. Of equal
    neighbours the first, row by row, is the peak. Equal scores come in that order as well."""
    heat = np.asarray(heat)
    height, width = heat.shape
    edged = np.full((height + 2, width + 2), -np.inf, heat.dtype)
    edged[1:-1, 1:-1] = heat
    peak = heat >= least
    for row in range(3):
        for column in range(3):
            other = edged[row : row + height, column : column + width]
            if (row, column) < (1, 1):
                peak &= heat > other
            elif (row, column) > (1, 1):
                peak &= heat >= other
    rows, columns = np.nonzero(peak)
    scores = heat[rows, columns].astype(np.float64)
    best = np.argsort(-scores, kind="stable")[:most]
    return Peaks(rows[best], columns[best], scores[best])


def boxes(found: Peaks, distances: NDArray[np.floating], window: Window = Window()) -> Detections:
    """The detections of peaks in display pixels. distances (K, 4): `box` at each peak's cell. A peak whose
    numbers are not finite is left out: a broken driver says such things."""
    centre = (np.stack((found.columns, found.rows), axis=1) + 0.5) * STRIDE
    distances = np.asarray(distances, np.float64).reshape(-1, 4)
    corner, other = centre - distances[:, :2], centre + distances[:, 2:]
    middle, size = (corner + other) / 2, np.maximum(other - corner, SMALLEST)
    scale = np.array([window.across, window.down])
    placed = (middle - size / 2) / scale + (window.x, window.y)
    result = np.concatenate((placed, size / scale), axis=1)
    sound = np.isfinite(result).all(axis=1) & np.isfinite(found.scores)
    return Detections(result[sound], found.scores[sound])


def decode(
    heat: NDArray[np.floating],
    box: NDArray[np.floating],
    window: Window = Window(),
    least: float = LEAST,
    most: int = MOST,
) -> Found:
    """What the net saw, from `heat` (1, 2, h, w) and `box` (1, 4, h, w)."""
    if heat.ndim != 4 or heat.shape[:2] != (1, 2) or box.shape != (1, 4, *heat.shape[2:]):
        raise ValueError(f"heat {heat.shape} and box {box.shape} are not (1, 2, h, w) and (1, 4, h, w)")
    kinds = []
    for kind in (PERSON, BALL):
        found = peaks(heat[0, kind], least, most)
        kinds.append(boxes(found, box[0, :, found.rows, found.columns], window))
    return Found(kinds[PERSON], kinds[BALL])
