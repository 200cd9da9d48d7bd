"""Made-up matches for the tests of tracking."""

from collections.abc import Sequence

import numpy as np

from pycore.tracking import Detections, Floats

WIDTH, HEIGHT = 25.0, 56.0


def walk(start: tuple[float, float], speed: tuple[float, float], frames: int) -> Floats:
    """(frames, 2) centres of a player who goes straight on."""
    return np.array(start) + np.arange(float(frames))[:, None] * np.array(speed)


def scene(
    paths: Sequence[Floats],
    *,
    hidden: Sequence[tuple[int, int, int]] = (),
    camera: Floats | None = None,
    features: Floats | None = None,
    jitter: float = 0.03,
    score: float = 0.8,
) -> tuple[list[Detections], list[list[int]]]:
    """Detections of players of one size who follow paths (F, 2), and which player is behind each of them.

    hidden: (player, first frame, frame after the last) without detection; camera: (F, 2) how far everything
    is moved; features: (players, D); jitter: standard deviation of box edges as a share of the size."""
    rng = np.random.default_rng(7)
    frames: list[Detections] = []
    who: list[list[int]] = []
    for frame in range(len(paths[0])):
        here = [i for i in range(len(paths)) if not any(p == i and a <= frame < b for p, a, b in hidden)]
        rng.shuffle(here)
        centre = np.array([paths[i][frame] for i in here]).reshape(-1, 2)
        if camera is not None:
            centre = centre + camera[frame]
        size = np.array([WIDTH, HEIGHT])
        boxes = np.concatenate((centre - size / 2, np.broadcast_to(size, centre.shape)), axis=1)
        boxes = boxes + rng.normal(0, jitter, boxes.shape) * np.r_[size, size]
        chosen = None if features is None else features[here]
        frames.append(Detections(boxes, np.full(len(here), score), chosen))
        who.append(here)
    return frames, who
