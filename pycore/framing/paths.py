"""Paths of boxes over time (`protocol.PathPoint`): made and thinned out. path.py looks them up."""

from collections.abc import Sequence

import numpy as np

from pycore.protocol import PathPoint, Rect
from pycore.tracking.types import Bools, Floats, Ints

TOLERANCE = 0.03
"""How far, in display pixels, a thinned path may lie from the path: far below what a filter shows."""


def crop_points(times_us: Ints, boxes: Floats, cuts_us: Sequence[int] = ()) -> list[PathPoint]:
    """The thinned path through boxes (N, 4) at times (N,), which jumps at the cuts: the first moments of new
    shots."""
    points: list[PathPoint] = []
    for rows in shots(times_us, cuts_us):
        if points:  # hold to the cut
            points.append(PathPoint(int(times_us[rows[0]]) - 1, points[-1].rect))
        points += _points(times_us[rows], boxes[rows])
    return _rising(points)


def box_points(times_us: Ints, boxes: Floats, cuts_us: Sequence[int] = ()) -> list[PathPoint]:
    """The same for boxes that are NaN where there is nothing to see."""
    points: list[PathPoint] = []
    seen = np.isfinite(boxes.sum(axis=1))
    for rows in shots(times_us, cuts_us):
        for run in _runs(seen[rows]):
            some = rows[run]
            points += _points(times_us[some], boxes[some])
            gone = int(times_us[some[-1] + 1]) if some[-1] + 1 < len(times_us) else None
            if gone is not None:
                last = points[-1].rect
                points += [PathPoint(gone - 1, last), PathPoint(gone, Rect(last.x, last.y, 0.0, 0.0))]
    return _rising(points)


def shots(times_us: Ints, cuts_us: Sequence[int]) -> list[Ints]:
    """The rows of each shot, in order; none is empty."""
    starts = np.searchsorted(times_us, np.array(sorted(cuts_us), np.int64))
    return [rows for rows in np.split(np.arange(len(times_us)), starts) if len(rows)]


def _runs(seen: Bools) -> list[Ints]:
    rows = np.flatnonzero(seen)
    return np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else []


def _points(times_us: Ints, boxes: Floats) -> list[PathPoint]:
    return [PathPoint(int(times_us[row]), Rect(*boxes[row].tolist())) for row in _thinned(times_us, boxes)]


def _thinned(times_us: Ints, boxes: Floats) -> list[int]:
    """Rows to keep, so that lines between them stay within TOLERANCE (Ramer, Douglas and Peucker, with the
    distance taken at the same moment)."""
    keep = {0, len(times_us) - 1}
    todo = [(0, len(times_us) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        share = ((times_us[inner] - times_us[first]) / (times_us[last] - times_us[first]))[:, None]
        off = np.abs(boxes[first] * (1 - share) + boxes[last] * share - boxes[inner]).max(axis=1)
        worst = int(off.argmax())
        if off[worst] > TOLERANCE:
            middle = first + 1 + worst
            keep.add(middle)
            todo += [(first, middle), (middle, last)]
    return sorted(keep)


def _rising(points: list[PathPoint]) -> list[PathPoint]:
    """The later of two points at one moment."""
    times = {point.time_us: point for point in points}
    return [times[time] for time in sorted(times)]
