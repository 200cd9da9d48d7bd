"""What an export in the browser makes of a project: its cuts, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pycore.exporting import Motion
from pycore.framing.crop import filled, snap
from pycore.framing.path import Path
from pycore.framing.placing import shaped, window_size
from pycore.protocol import Clip, PathPoint, Project, Rect, Size, Spotlight

STILL = Motion()


@dataclass(frozen=True, slots=True)
class Cut:
    """A range of the medium and what is shown of it. `crop` holds unless `path` moves."""

    in_us: int
    out_us: int
    to_end: bool
    crop: Rect
    path: list[PathPoint]
    subject: list[PathPoint]
    spotlight: Spotlight

    def window(self, picture: Size) -> Size:
        """The pixels that go through the net."""
        if Path(self.path).moves:
            return window_size([point.rect for point in self.path], picture)
        return Size(int(self.crop.width), int(self.crop.height))


@dataclass(frozen=True, slots=True)
class ReelPlan:
    """`duration_us`: of all its cuts together."""

    cuts: list[Cut]
    size: Size
    duration_us: int


def obstacle(project: Project) -> str:
    """Why the reel cannot be made in a browser, or ""."""
    asked = [
        name
        for name, wanted in (
            ("titles", any(clip.title for clip in project.clips)),
            ("still first frames", any(clip.freeze_us for clip in project.clips)),
            ("slow motion", any(clip.slow for clip in project.clips)),
        )
        if wanted
    ]
    if not asked:
        return ""
    listed = " and ".join([", ".join(asked[:-1]), asked[-1]] if len(asked) > 1 else asked)
    return f"This browser makes no {listed} yet; the server does."


def plan_reel(project: Project, motion: Mapping[str, Motion]) -> ReelPlan:
    """`motion`: how crops move and where players are, by the clips' ids."""
    size = project.output.size
    cuts = [_cut(clip, motion.get(clip.id, STILL), size) for clip in project.clips]
    return ReelPlan(cuts, size, sum(clip.out_us - clip.in_us for clip in project.clips))


def _cut(clip: Clip, motion: Motion, size: Size) -> Cut:
    picture = clip.media.size
    standing = motion.path[0].rect if motion.path else clip.crop
    return Cut(
        clip.in_us,
        clip.out_us,
        to_end=clip.out_us >= clip.media.duration_us,
        crop=Rect(*(float(side) for side in filled(snap(standing, picture), size))),
        path=_shaped(motion.path, picture, size),
        subject=list(motion.subject),
        spotlight=clip.spotlight,
    )


def _shaped(path: Sequence[PathPoint], picture: Size, size: Size) -> list[PathPoint]:
    return [PathPoint(each.time_us, shaped(each.rect, picture, size.width / size.height)) for each in path]
