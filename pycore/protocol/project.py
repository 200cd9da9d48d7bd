"""The project document: what the person has made so far. Taken whole by every export."""

from dataclasses import dataclass, field
from typing import Annotated

from pycore.protocol.codec import ToldApart
from pycore.protocol.exports import SlowMotion
from pycore.protocol.framing import Aspect, Framing, Keyframe, Spotlight
from pycore.protocol.geometry import Rect, Size
from pycore.protocol.jobs import ModelName
from pycore.protocol.media import MediaInfo
from pycore.protocol.tracks import TrackEdit


@dataclass(frozen=True, slots=True)
class Clip:
    """A range of one media file and its frame. `in_us` is the first moment shown, `out_us` the first moment
    not shown.

    `crop` is where the frame lies while nothing moves it. `track_id`: the player to follow ("": none).
    `keyframes` in order of time. `id` names the clip within its project. `title`, `freeze_us`, `slow`: see
    ExportClip.
    """

    media: MediaInfo
    in_us: int
    out_us: int
    aspect: Aspect
    crop: Rect
    track_id: str = ""
    framing: Framing = field(default_factory=Framing)
    keyframes: list[Keyframe] = field(default_factory=list)
    spotlight: Spotlight = field(default_factory=Spotlight)
    track_edits: list[Annotated[TrackEdit, ToldApart()]] = field(default_factory=list)
    """What the person corrected in the medium's tracks."""
    id: str = ""
    title: str = ""
    freeze_us: int = 0
    slow: SlowMotion | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What an export makes. Even sizes."""

    size: Size
    model: ModelName = ModelName.QUICK


@dataclass(frozen=True, slots=True)
class Project:
    """`revision` grows by one with each stored change; a stale one is refused by the server (409).
    `selected`: the place of the clip that is worked on."""

    id: str
    name: str
    output: Output
    clips: list[Clip] = field(default_factory=list)
    revision: int = 0
    selected: int = 0
