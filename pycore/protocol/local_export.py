"""Exports that this browser makes by itself: what it offers, and those that it has made or is making."""

from dataclasses import dataclass
from typing import Literal

from pycore.protocol.capability import Tier
from pycore.protocol.errors import Problem
from pycore.protocol.geometry import Size
from pycore.protocol.jobs import JobState


@dataclass(frozen=True, slots=True)
class LocalOffer:
    """Whether and how the present reel would be made here, at twice the crop's size and then scaled.

    `reason` says why not, where it is not `available`. `seconds` null: nothing was measured yet; `basis` says
    what the figure rests on. `codec`: the video's, for people; `extension`: the file's, without its dot.
    """

    available: bool
    reason: str = ""
    device: str = ""
    tier: Tier | None = None
    seconds: float | None = None
    basis: str = ""
    recommended: bool = False
    codec: str = ""
    extension: str = "mp4"


@dataclass(frozen=True, slots=True)
class LocalResult:
    """What was made. `seconds`: the time that it took. `stored`: the file's name in the browser's private
    folder (exports/), from where the page downloads it; "": it lies where the person chose."""

    bytes: int
    frames: int
    seconds: float
    size: Size
    duration_us: int
    has_sound: bool
    codec: str
    tier: Tier
    stored: str = ""


@dataclass(frozen=True, slots=True)
class LocalExport:
    """An export of this page's own. `created_at` in Unix seconds; `seconds_left` null until it can be
    told. `paused`: it runs, and waits until it is told to go on."""

    id: str
    name: str
    state: JobState
    created_at: float
    device: str
    progress: float = 0.0
    message: str = ""
    seconds_left: float | None = None
    result: LocalResult | None = None
    error: Problem | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class StartLocalExport:
    """Makes the reel in this browser; nothing is uploaded. Answered at once; progress comes in the state.

    Attachment `target`, where there is one: the FileSystemFileHandle that it is written to. Else the file
    lies in the browser's private folder until it is downloaded.
    """

    type: Literal["start-local-export"] = "start-local-export"


@dataclass(frozen=True, slots=True)
class PauseLocalExport:
    """Holds a LocalExport that runs, or lets it go on."""

    job_id: str
    paused: bool
    type: Literal["pause-local-export"] = "pause-local-export"
