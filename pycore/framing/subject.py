"""Who is to be kept in the picture, and what else draws the eye."""

from dataclasses import dataclass

import numpy as np

from pycore.tracking.types import Floats, Ints

_BRIDGED_US = 100_000
"""Sightings no further apart than this, or than two frames, belong together."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The player over time: times_us (n,) rising, boxes (n, 4) in display pixels. Moments in which the player
    is lost are left out."""

    times_us: Ints
    boxes: Floats

    def at(self, times_us: Ints) -> Floats:
        """(N, 4): the box at each of these moments, between two sightings interpolated; NaN where lost."""
        return _between(self.times_us, self.boxes, times_us)


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """times_us (n,) rising, centres (n, 2) in display pixels; where it is not seen it is left out."""

    times_us: Ints
    centres: Floats

    def at(self, times_us: Ints) -> Floats:
        """(N, 2), NaN where it is not seen."""
        return _between(self.times_us, self.centres, times_us)


def frame_us(times_us: Ints) -> int:
    """The usual time from one sample to the next; 33 ms where nothing tells."""
    return max(int(np.median(np.diff(times_us))), 1) if len(times_us) > 1 else 33_333


def _between(known: Ints, values: Floats, times_us: Ints) -> Floats:
    result = np.full((len(times_us), values.shape[1]), np.nan)
    if not len(known):
        return result
    usual = frame_us(known)
    after = np.searchsorted(known, times_us).clip(0, len(known) - 1)
    before = np.searchsorted(known, times_us, side="right").clip(1) - 1
    gap = known[after] - known[before]
    inside = (times_us >= known[0]) & (times_us <= known[-1]) & (gap <= max(_BRIDGED_US, 5 * usual // 2))
    share = np.where(gap > 0, (times_us - known[before]) / np.maximum(gap, 1), 0.0)[:, None]
    mixed = values[before] * (1 - share) + values[after] * share
    result[inside] = mixed[inside]
    # A frame's time, rounded elsewhere in another way, at either end of a run of sightings.
    nearest = np.where(np.abs(times_us - known[before]) <= np.abs(known[after] - times_us), before, after)
    close = ~inside & (np.abs(known[nearest] - times_us) <= usual // 2)
    result[close] = values[nearest[close]]
    return result
