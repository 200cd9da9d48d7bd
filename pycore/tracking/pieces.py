"""Pieces of tracks: what offline work cuts, joins and fills."""

from dataclasses import dataclass, replace

import numpy as np

from pycore.tracking.smoothing import Sightings
from pycore.tracking.types import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Sightings of one player within one shot: frames (n,) rising, boxes (n, 4) free of the camera's
    motion, scores (n,), trust (n,) as `BoxFilter.update` takes it, and features (n, D) or None."""

    frames: Ints
    boxes: Floats
    scores: Floats
    trust: Floats
    features: Floats | None
    shot: int
    cut_before: int = -1
    """The number of the track that it was cut out of and that went on before it, or -1."""
    cut_after: int = -1
    """The same, after it."""

    def some(self, rows: Ints) -> "Piece":
        """These rows."""
        return replace(
            self,
            frames=self.frames[rows],
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            trust=self.trust[rows],
            features=None if self.features is None else self.features[rows],
        )

    def sightings(self) -> Sightings:
        return Sightings(self.frames, self.boxes, self.trust)

    def feature(self) -> Floats | None:
        """(D,) the mean appearance, of length 1."""
        return None if self.features is None else unit(unit(self.features).mean(axis=0, keepdims=True))[0]


def joined(parts: list[Piece]) -> Piece:
    """One piece of several; frames may interleave, but none may be in two of them."""
    if len(parts) == 1:
        return parts[0]
    features = [part.features for part in parts if part.features is not None]
    whole = Piece(
        np.concatenate([part.frames for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.trust for part in parts]),
        np.concatenate(features) if features else None,
        parts[0].shot,
    )
    return whole.some(np.argsort(whole.frames, kind="stable"))


def unit(vectors: Floats) -> Floats:
    """Rows (N, D), each of length 1; a row of zeros stays."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
