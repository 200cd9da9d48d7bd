"""The crop's way between keyframes where no player says otherwise. Without numpy, so that it is there at
once."""

from collections.abc import Sequence
from itertools import pairwise

from pycore.protocol import Keyframe, PathPoint, Rect

_SAMPLES = 24
_SHORTEST_US = 8_000


def eased(keyframes: Sequence[Keyframe]) -> list[PathPoint]:
    """A path that rests at every keyframe and goes from one to the next with the least jerk (Flash and Hogan,
    J. Neurosci. 5, 1985). keyframes: in order of time."""
    points: list[PathPoint] = []
    for before, after in pairwise(keyframes):
        span = after.time_us - before.time_us
        still = before.crop == after.crop
        steps = 1 if still else min(_SAMPLES, max(span // _SHORTEST_US, 1))
        for step in range(steps):
            share = step / steps
            shown = before.crop if not step else _between(before.crop, after.crop, _ease(share))
            points.append(PathPoint(before.time_us + round(span * share), shown))
    return [*points, PathPoint(keyframes[-1].time_us, keyframes[-1].crop)] if keyframes else []


def _ease(share: float) -> float:
    return share**3 * (10 - 15 * share + 6 * share**2)


def _between(first: Rect, second: Rect, share: float) -> Rect:
    return Rect(
        first.x + (second.x - first.x) * share,
        first.y + (second.y - first.y) * share,
        first.width + (second.width - first.width) * share,
        first.height + (second.height - first.height) * share,
    )
