"""What of each frame an export shows: a crop that stands or moves, and the spotlight on it. Loads no
torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pycore.framing.path import Path
from pycore.framing.placing import Window, shaped, window_at
from pycore.protocol import ExportClip, PathPoint, Rect, ReelError, Size
from pycore.spotlight.mark import Mark, Marker, check

MAX_POINTS = 200_000
SLACK = 0.5
"""Display pixels by which a crop may stick out of the picture: rounding, not intent."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame's. `window`: the whole pixels that go through the net, None where these are the crop
    itself."""

    crop: Rect
    window: Window | None
    mark: Mark | None

    @property
    def pixels(self) -> tuple[int, int, int, int]:
        """x, y, width, height of what is read from the source."""
        if self.window is not None:
            return self.window.x, self.window.y, self.window.width, self.window.height
        return int(self.crop.x), int(self.crop.y), int(self.crop.width), int(self.crop.height)


def shots(
    asked: ExportClip, crop: Rect, window: Size | None, picture: Size, shape: float, times_us: Sequence[int]
) -> list[Shot]:
    """Those of frames at these times. `crop`: the whole pixels of a crop that stands, or, with `window`, of
    no meaning; `window`: the size of a moving crop's; `shape`: the result's width / height."""
    marker = Marker(asked.spotlight, asked.subject)
    path = Path(asked.path)
    made: list[Shot] = []
    for time_us in times_us:
        place, around = crop, None
        if window is not None:
            place = shaped(_known(path.at(time_us)), picture, shape)
            around = window_at(place, window, picture)
        made.append(Shot(place, around, marker.mark(time_us, place)))
    return made


def moving_crops(asked: ExportClip, picture: Size, shape: float, times_us: Sequence[int]) -> list[Rect]:
    """The crops at these times of a path that moves."""
    path = Path(asked.path)
    return [shaped(_known(path.at(time_us)), picture, shape) for time_us in times_us]


def check_motion(asked: ExportClip, picture: Size) -> None:
    """Raises ReelError `export.path`, `export.subject` and what `spotlight.mark.check` raises, for what
    cannot be drawn."""
    check(asked.spotlight)
    for name, points in (("path", asked.path), ("subject", asked.subject)):
        if len(points) > MAX_POINTS:
            raise _refused(name, f"It has {len(points)} points.", f"Thin it out to {MAX_POINTS} or fewer.")
        for before, after in pairwise(points):
            if after.time_us <= before.time_us:
                raise _refused(
                    name,
                    f"A point at {after.time_us} microseconds follows one at {before.time_us}.",
                    "Times must rise from point to point.",
                )
    for point in asked.path:
        if not _fits(point.rect, picture):
            rect = point.rect
            raise _refused(
                "path",
                f"The crop of {rect.width:g}×{rect.height:g} at ({rect.x:g}, {rect.y:g}), at "
                f"{point.time_us} microseconds, does not lie in the picture of "
                f"{picture.width}×{picture.height}.",
                "Every crop of the path must lie in the picture and have a pixel at least.",
            )


def standing(points: Sequence[PathPoint]) -> Rect | None:
    """Where a path stands that never moves; None where it moves or has no point."""
    path = Path(points)
    return points[0].rect if points and not path.moves else None


def _fits(rect: Rect, picture: Size) -> bool:
    return (
        rect.width >= 1
        and rect.height >= 1
        and rect.x >= -SLACK
        and rect.y >= -SLACK
        and rect.x + rect.width <= picture.width + SLACK
        and rect.y + rect.height <= picture.height + SLACK
    )


def _known(rect: Rect | None) -> Rect:
    assert rect is not None  # check_motion has refused empty boxes
    return rect


def _refused(name: str, detail: str, hint: str) -> ReelError:
    titles = {"path": "The crop's path cannot be followed", "subject": "The player's boxes cannot be used"}
    return ReelError.of(f"export.{name}", titles[name], detail, hint, 422)
