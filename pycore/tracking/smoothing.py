"""Best estimates of whole tracks: the Kalman filter forward, then the Rauch-Tung-Striebel smoother back,
over many tracks at once. Frames without a detection come out interpolated."""

from dataclasses import dataclass

import numpy as np

from pycore.tracking.kalman import BoxFilter, Noise
from pycore.tracking.types import Floats, Ints

_TOGETHER = 16
"""Tracks that are smoothed at once: bounds memory for long clips."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """What is known of one player: frames (n,) rising, boxes (n, 4), trust (n,) as `BoxFilter.update` takes
    it."""

    frames: Ints
    boxes: Floats
    trust: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """One player on every frame from the first sighting to the last, L of them: as `BoxFilter`, each (L,
    4)."""

    first: int
    value: Floats
    speed: Floats
    pp: Floats
    ps: Floats
    ss: Floats


def smooth(tracks: list[Sightings], noise: Noise) -> list[Estimate]:
    """Estimates of tracks, in their order. Boxes must be free of the camera's motion."""
    lengths = [int(track.frames[-1] - track.frames[0]) + 1 for track in tracks]
    order = sorted(range(len(tracks)), key=lengths.__getitem__)
    found: dict[int, Estimate] = {}
    for start in range(0, len(order), _TOGETHER):
        some = order[start : start + _TOGETHER]
        for index, estimate in zip(some, _smooth([tracks[i] for i in some], noise), strict=True):
            found[index] = estimate
    return [found[i] for i in range(len(tracks))]


def _smooth(tracks: list[Sightings], noise: Noise) -> list[Estimate]:
    count = len(tracks)
    lengths = [int(track.frames[-1] - track.frames[0]) + 1 for track in tracks]
    longest = max(lengths)
    boxes = np.zeros((longest, count, 4))
    trust = np.zeros((longest, count))
    for column, track in enumerate(tracks):
        rows = track.frames - track.frames[0]
        boxes[rows, column] = track.boxes
        trust[rows, column] = track.trust
    state = BoxFilter(noise)
    state.add(boxes[0])
    # value, speed, pp, ps, ss: after each frame's detection, and before it.
    after = np.zeros((5, longest, count, 4))
    before = np.zeros((5, longest, count, 4))
    after[:, 0] = _packed(state)
    for step in range(1, longest):
        state.predict()
        before[:, step] = _packed(state)
        rows = np.flatnonzero(trust[step])
        if len(rows):
            state.update(rows, boxes[step, rows], trust[step, rows])
        after[:, step] = _packed(state)
    left = np.array(noise.persistence)
    ends = np.array(lengths)
    for step in range(longest - 2, -1, -1):
        value, speed, pp, ps, ss = after[:, step]
        value1, speed1, pp1, ps1, ss1 = before[:, step + 1]
        # Covariance of this frame's state with the next one's, times the inverse of the next one's.
        determinant = pp1 * ss1 - ps1 * ps1
        forward_p, forward_s = pp + ps, left * ps
        along_p, along_s = ps + ss, left * ss
        g11 = (forward_p * ss1 - forward_s * ps1) / determinant
        g12 = (forward_s * pp1 - forward_p * ps1) / determinant
        g21 = (along_p * ss1 - along_s * ps1) / determinant
        g22 = (along_s * pp1 - along_p * ps1) / determinant
        next_ = after[:, step + 1]
        d_value, d_speed = next_[0] - value1, next_[1] - speed1
        d_pp, d_ps, d_ss = next_[2] - pp1, next_[3] - ps1, next_[4] - ss1
        better = np.stack(
            (
                value + g11 * d_value + g12 * d_speed,
                speed + g21 * d_value + g22 * d_speed,
                pp + g11 * g11 * d_pp + 2 * g11 * g12 * d_ps + g12 * g12 * d_ss,
                ps + g11 * g21 * d_pp + (g11 * g22 + g12 * g21) * d_ps + g12 * g22 * d_ss,
                ss + g21 * g21 * d_pp + 2 * g21 * g22 * d_ps + g22 * g22 * d_ss,
            )
        )
        inside = step + 1 < ends
        after[:, step, inside] = better[:, inside]
    after[0, :, :, 2:] = np.maximum(after[0, :, :, 2:], 1.0)
    return [
        Estimate(int(track.frames[0]), *(np.ascontiguousarray(part[:length, i]) for part in after))
        for i, (track, length) in enumerate(zip(tracks, lengths, strict=True))
    ]


def _packed(state: BoxFilter) -> Floats:
    return np.stack((state.value, state.speed, state.pp, state.ps, state.ss))
