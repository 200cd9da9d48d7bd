"""The tube that a path must stay in: an interval for each moment, and how fast one may have to go to get
through."""

import numpy as np

from pycore.tracking.types import Floats

_SPREAD_S = 0.4
"""Over how long a haste that cannot be avoided is spread."""

_ROUNDS = 30
_SLACK = 1.02
"""So that some room is left between the limits: interior-point methods need an interior."""


def near_fixed(
    low: Floats, high: Floats, times: Floats, fixed: list[tuple[int, float]], speed: float
) -> None:
    """Widens the tube, in place, so that it leads to given values at given samples without going faster than
    `speed`, and narrows it to them there."""
    for index, value in fixed:
        room = speed * np.abs(times - times[index])
        np.minimum(low, value + room, out=low)
        np.maximum(high, value - room, out=high)
    for index, value in fixed:
        low[index] = high[index] = value


def passable(low: Floats, high: Floats, steps: Floats, speed: float) -> Floats:
    """(N - 1,) speed limits with which some path fits low (N,) and high (N,): `speed`, raised where that is
    too slow, over some time before that so that nothing has to jerk."""
    count = len(low)
    limits = np.full(max(count - 1, 0), speed)
    for attempt in range(_ROUNDS):
        missing = _missing(low, high, steps, limits)
        if not missing:
            break
        for index, gap in missing:
            first = index
            if attempt < _ROUNDS - 1:
                while first > 0 and steps[first : index + 1].sum() < _SPREAD_S:
                    first -= 1
            limits[first : index + 1] += _SLACK * gap / steps[first : index + 1].sum()
    return limits * _SLACK


def _missing(low: Floats, high: Floats, steps: Floats, limits: Floats) -> list[tuple[int, float]]:
    """Steps that lead from what can be reached to outside of the tube, and how far."""
    lows, highs, reach = low.tolist(), high.tolist(), (limits * steps).tolist()
    found: list[tuple[int, float]] = []
    least, most = lows[0], highs[0]
    for index, far in enumerate(reach):
        least, most = least - far, most + far
        lower, upper = lows[index + 1], highs[index + 1]
        if least > upper:
            found.append((index, least - upper))
            least = most = upper
        elif most < lower:
            found.append((index, lower - most))
            least = most = lower
        else:
            least, most = max(least, lower), min(most, upper)
    return found
