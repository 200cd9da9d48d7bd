"""What an export is asked to make: clips behind each other, in one file."""

from dataclasses import dataclass, field, replace
from typing import Annotated

from pycore.protocol.codec import ToldApart
from pycore.protocol.framing import Aspect, Framing, Keyframe, PathPoint, Spotlight
from pycore.protocol.geometry import Rect, Size
from pycore.protocol.jobs import ModelName, Route
from pycore.protocol.tracks import TrackEdit


@dataclass(frozen=True, slots=True)
class SlowMotion:
    """A range of the medium (`in_us` is its first moment, `out_us` the first after it) shown `factor` times
    slower: 2 or 4."""

    in_us: int
    out_us: int
    factor: int = 2


@dataclass(frozen=True, slots=True)
class Music:
    """A sound file under the whole reel, from `start_us` of it on. `volume`: 0 to 1, beside the clips' own
    sound; it steps back while there is sound in the clips."""

    media_id: str
    volume: float = 0.5
    start_us: int = 0


@dataclass(frozen=True, slots=True)
class FollowTrack:
    """A crop of that aspect that goes with a player: `track_id` in the result of the tracking job `job_id` of
    the same medium, after `track_edits`. FREE: of the result's shape."""

    job_id: str
    track_id: str
    aspect: Aspect = Aspect.PORTRAIT
    framing: Framing = field(default_factory=Framing)
    keyframes: list[Keyframe] = field(default_factory=list)
    track_edits: list[Annotated[TrackEdit, ToldApart()]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ExportClip:
    """A range of one media file and what is made of it. All times are the medium's own.

    `crop` is in display pixels and holds for the whole clip unless there is a `path` of crops. `subject`: the
    player's boxes, for the spotlight. Instead of both there may be a player to `follow`: the server plans
    path and subject when the export is asked for, and `crop`, which may be left out then, is where the frame
    lies while nobody is there to follow. `title` is shown at the clip's start, `freeze_us` is how long its
    first frame stands still before it moves.
    """

    media_id: str
    in_us: int
    out_us: int
    crop: Rect = field(default_factory=lambda: Rect(0.0, 0.0, 0.0, 0.0))
    path: list[PathPoint] = field(default_factory=list)
    subject: list[PathPoint] = field(default_factory=list)
    spotlight: Spotlight = field(default_factory=Spotlight)
    title: str = ""
    freeze_us: int = 0
    slow: SlowMotion | None = None
    follow: FollowTrack | None = None


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """POST projects/{id}/exports: the clips one after the other, upscaled to `size` (even sides).

    The route exports what is asked here, not what the stored document says, so that a job never changes under
    its feet.
    """

    clips: list[ExportClip]
    size: Size
    model: ModelName = ModelName.QUICK
    route: Route = Route.AUTO
    music: Music | None = None

    def media_ids(self) -> list[str]:
        """The files that are needed, each once, in order of their use."""
        asked = [clip.media_id for clip in self.clips] + ([self.music.media_id] if self.music else [])
        return list(dict.fromkeys(asked))

    def as_asked(self) -> "ExportRequest":
        """Without what the server planned of it: see ExportClip.follow."""
        bare = [replace(clip, path=[], subject=[]) if clip.follow else clip for clip in self.clips]
        return replace(self, clips=bare)


@dataclass(frozen=True, slots=True)
class EstimateClip:
    """A clip by its figures, as far as they decide how long an export takes. `fps` 0 counts as 30."""

    duration_us: int
    fps: float
    crop: Rect
    slow: SlowMotion | None = None


@dataclass(frozen=True, slots=True)
class EstimateRequest:
    """POST estimates: an export before any upload, so by figures instead of media ids."""

    clips: list[EstimateClip]
    size: Size
    model: ModelName = ModelName.QUICK
