"""The ball over the clip: of each frame's candidates the ones that make the most plausible way."""

from collections.abc import Sequence

import numpy as np

from pycore.tracking.types import Detections, Floats, Sight, Track

FASTEST = 0.06
"""Widths of the picture that the ball moves from one frame to the next at most, at 25 frames a second."""
ABSENT = 0.25
"""Score that a frame without the ball counts for: candidates below it are left out unless the way needs
them."""
LOST = 8
"""Frames after which the ball may be anywhere again."""


def ball_track(
    frames: Sequence[Detections], width: float, rate: float = 25.0, cuts: Sequence[int] = ()
) -> Track | None:
    """The best way through the candidates (dynamic programming over the last one chosen), or None where
    there is none. `width` of the picture in pixels."""
    reach = FASTEST * width * 25 / rate
    new_shots = sorted(cuts)
    best: list[tuple[int, int, float, Floats, int]] = []  # frame, row, total, centre, index before
    for number, found in enumerate(frames):
        shot = int(np.searchsorted(new_shots, number, side="right"))
        before = [(index, each) for index, each in list(enumerate(best))[-40:] if each[0] < number]
        for row in range(len(found.scores)):
            centre = found.boxes[row, :2] + found.boxes[row, 2:] / 2
            total, chosen = float(found.scores[row]) - ABSENT, -1
            for index, each in before:
                gap = number - each[0]
                near = np.hypot(*(centre - each[3])) <= reach * gap
                same = int(np.searchsorted(new_shots, each[0], side="right")) == shot
                if (near and same) or gap > LOST or not same:
                    value = each[2] + float(found.scores[row]) - ABSENT
                    if value > total:
                        total, chosen = value, index
            best.append((number, row, total, centre, chosen))
    if not best:
        return None
    at = max(range(len(best)), key=lambda index: best[index][2])
    if best[at][2] <= 0:
        return None
    way: list[tuple[int, int]] = []
    while at >= 0:
        way.append((best[at][0], best[at][1]))
        at = best[at][4]
    way.reverse()
    scores = np.array([frames[number].scores[row] for number, row in way])
    return Track(
        0,
        np.array([number for number, _ in way], np.int64),
        np.stack([frames[number].boxes[row] for number, row in way]),
        scores,
        np.where(scores >= 0.5, Sight.SEEN, Sight.WEAK).astype(np.int64),
    )
