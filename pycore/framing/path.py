"""A path of boxes over time (`protocol.PathPoint`), to look up. Without numpy: the preview does not wait for
that; paths are made in paths.py."""

from bisect import bisect_right
from collections.abc import Sequence

from pycore.protocol import PathPoint, Rect, TrackColumns


class Path:
    """Without points it has no box anywhere."""

    def __init__(self, points: Sequence[PathPoint]) -> None:
        self.points = list(points)
        self._times = [point.time_us for point in points]

    @property
    def moves(self) -> bool:
        """Whether it is ever anywhere else than at its beginning."""
        return any(point.rect != self.points[0].rect for point in self.points)

    def rects(self) -> list[Rect]:
        """The points' boxes."""
        return [point.rect for point in self.points]

    def changes_us(self) -> list[int]:
        """When what it is about comes into view or goes out of it."""
        seen = [visible(point.rect) for point in self.points]
        return [
            time
            for time, before, after in zip(self._times[1:], seen, seen[1:], strict=False)
            if before != after
        ]

    def at(self, time_us: int) -> Rect | None:
        """The box at that moment; None where there is nothing to see."""
        if not self.points:
            return None
        after = bisect_right(self._times, time_us)
        first = self.points[max(after - 1, 0)]
        second = self.points[min(after, len(self.points) - 1)]
        start, end = first.time_us, second.time_us
        if not visible(first.rect) or (time_us > start and not visible(second.rect)):
            return None
        if time_us <= start or end <= start:
            return first.rect
        share = (time_us - start) / (end - start)
        a, b = first.rect, second.rect
        return Rect(
            a.x * (1 - share) + b.x * share,
            a.y * (1 - share) + b.y * share,
            a.width * (1 - share) + b.width * share,
            a.height * (1 - share) + b.height * share,
        )


def visible(box: Rect) -> bool:
    """Whether it has an area."""
    return box.width > 0 and box.height > 0


def points_of(track: TrackColumns, times_us: Sequence[int]) -> list[PathPoint]:
    """The player's boxes as a path: nothing to see wherever a frame is missing among the track's."""
    points: list[PathPoint] = []
    for row, frame in enumerate(track.frames):
        box = Rect(*track.boxes[4 * row : 4 * row + 4])
        points.append(PathPoint(times_us[frame], box))
        follows = row + 1 < len(track.frames) and track.frames[row + 1] == frame + 1
        if not follows and frame + 1 < len(times_us):
            gone = times_us[frame + 1]
            if gone - 1 > times_us[frame]:
                points.append(PathPoint(gone - 1, box))
            points.append(PathPoint(gone, Rect(box.x, box.y, 0.0, 0.0)))
    return points
