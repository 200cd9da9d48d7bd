"""What goes into tracking and what comes out. Boxes everywhere are rows (x, y, width, height) of float64 in
display pixels, origin top left; frames are counted from 0."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Sight(IntEnum):
    """How a box of a track came about. Shown to the user, never hidden."""

    SEEN = 0
    """A confident detection."""
    WEAK = 1
    """A detection of low score: covered, blurred or at the edge of what the detector knows."""
    GUESSED = 2
    """No detection: predicted (online) or interpolated between two sightings (offline)."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """One frame's detector output, in any order.

    boxes: (N, 4); scores: (N,) in 0..1; features: (N, D) appearance vectors of any length, compared by
    their cosine, or None where there are none."""

    boxes: Floats
    scores: Floats
    features: Floats | None = None

    def __post_init__(self) -> None:
        count = len(self.scores)
        if self.boxes.shape != (count, 4):
            raise ValueError(f"boxes have the shape {self.boxes.shape}, scores ask for {(count, 4)}")
        if self.features is not None and (self.features.ndim != 2 or len(self.features) != count):
            raise ValueError(f"features have the shape {self.features.shape}, scores ask for ({count}, D)")
        if not (np.isfinite(self.boxes).all() and np.isfinite(self.scores).all()):
            raise ValueError("boxes and scores must be finite")
        if (self.boxes[:, 2:] <= 0).any():
            raise ValueError("a box has no width or no height")

    def some(self, rows: Ints) -> "Detections":
        """These rows."""
        return Detections(
            self.boxes[rows], self.scores[rows], None if self.features is None else self.features[rows]
        )


NOTHING = Detections(np.zeros((0, 4)), np.zeros(0))
"""A frame in which nothing was found."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """One frame's players: ids (N,), boxes (N, 4) filtered, scores (N,) fading while unseen, sights (N,) of
    `Sight`, and detections (N,), the row of the detection behind each box or -1."""

    ids: Ints
    boxes: Floats
    scores: Floats
    sights: Ints
    detections: Ints


@dataclass(frozen=True, slots=True)
class CameraMotion:
    """Where a point of the frame before lies in this one: scale * point + (x, y)."""

    scale: float
    x: float
    y: float


STILL = CameraMotion(1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One player over the clip: frames (n,) rising, boxes (n, 4), scores (n,) with 0 where guessed, sights
    (n,) of `Sight`; frames in which the player was lost are left out. feature (D,) is the mean appearance,
    of length 1, or None."""

    id: int
    frames: Ints
    boxes: Floats
    scores: Floats
    sights: Ints
    feature: Floats | None = None
