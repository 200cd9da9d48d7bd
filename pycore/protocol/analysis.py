"""Finding and following players: what the page sees of it, and what application and analysis worker say to
each other. The worker is started by the application when tracking is first needed.

Application -> worker: {"id": n, "request": AnalystRequest, "attachments": {"file": File}}, or a frame to
follow in: {"frame": VideoFrame, "time_us": n}. Worker -> application: {"event": AnalystEvent}.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pycore.protocol.capability import Processor
from pycore.protocol.errors import Problem
from pycore.protocol.framing import Framing, Keyframe, PathPoint
from pycore.protocol.geometry import Rect, Size
from pycore.protocol.jobs import Route
from pycore.protocol.tracks import Player, TrackColumns, Tracking


class AnalysisState(StrEnum):
    NONE = "none"
    """Not analysed yet."""
    STARTING = "starting"
    """The worker, the net or the medium is being loaded."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Analysis:
    """Of the open medium. `progress` is 0 to 1, `seconds_left` null until it can be told. `message`: one
    sentence for people on what is going on, or what a click will do. `processor`: who does it. `players`:
    with the person's corrections; `revision` changes with them (see TracksChanged). `waiting`: a click
    waits for the analysis to tell who was meant."""

    state: AnalysisState = AnalysisState.NONE
    progress: float = 0.0
    seconds_left: float | None = None
    message: str = ""
    processor: Processor | None = None
    problem: Problem | None = None
    players: list[Player] = field(default_factory=list)
    revision: int = 0
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class TracksChanged:
    """Event: the boxes of AppState.analysis's players at this `revision`, for drawing."""

    revision: int
    times_us: list[int]
    tracks: list[TrackColumns]
    type: Literal["tracks"] = "tracks"


@dataclass(frozen=True, slots=True)
class Followed:
    """Event: where the followed player is in the frame at `time_us`, live. `sight`: 0 seen, 1 weak, 2
    guessed, -1 lost (then `box` is the last one known). `others`: everyone else that was found in this
    frame."""

    time_us: int
    box: Rect
    sight: int
    score: float = 0.0
    others: list[Rect] = field(default_factory=list)
    crop: Rect | None = None
    """Where the live filter puts the crop."""
    type: Literal["followed"] = "followed"


@dataclass(frozen=True, slots=True)
class PathChanged:
    """Event: how the crop moves over the medium, and the chosen player's boxes; both empty while nothing
    moves it."""

    crop: list[PathPoint]
    subject: list[PathPoint]
    type: Literal["path"] = "path"


# commands of the page


@dataclass(frozen=True, slots=True)
class StartAnalysis:
    """Looks for the players of the whole clip, in the background: in this browser, or, with `server`, on the
    server, which the clip is uploaded to; there by `route`, whose price the page has shown."""

    server: bool = False
    route: Route = Route.LOCAL

    type: Literal["start-analysis"] = "start-analysis"


@dataclass(frozen=True, slots=True)
class CancelAnalysis:
    type: Literal["cancel-analysis"] = "cancel-analysis"


@dataclass(frozen=True, slots=True)
class ChoosePlayer:
    """Whom the reel is about: a track by its id, or whoever is nearest to (x, y), display pixels, in the
    frame at `time_us`. Before the clip is analysed the second starts the analysis and follows the player
    live meanwhile. An empty id without a point chooses nobody."""

    track_id: str = ""
    x: float | None = None
    y: float | None = None
    time_us: int = 0
    type: Literal["choose-player"] = "choose-player"


@dataclass(frozen=True, slots=True)
class Relink:
    """The chosen player is, from `time_us` on, the one at (x, y): the track there goes on as this player.
    Where there is none, the player is put there by hand."""

    x: float
    y: float
    time_us: int
    type: Literal["relink"] = "relink"


@dataclass(frozen=True, slots=True)
class SplitTrack:
    """From `time_us` on, this track is somebody else."""

    track_id: str
    time_us: int
    type: Literal["split-track"] = "split-track"


@dataclass(frozen=True, slots=True)
class JoinTracks:
    """Two tracks are one player, who goes by `track_id`."""

    track_id: str
    other_id: str
    type: Literal["join-tracks"] = "join-tracks"


# application -> analysis worker


@dataclass(frozen=True, slots=True)
class Scene:
    """What a crop moves in: the picture's display size, the crop's width / height, and where it lies while
    nothing moves it."""

    picture: Size
    ratio: float
    rest: Rect


@dataclass(frozen=True, slots=True)
class Analyse:
    """Attachment `file`. Answered by AnalysisProgress events, then AnalysisFinished or AnalysisFailed.
    `size`, `duration_us`: as the page knows them."""

    size: Size
    duration_us: int
    type: Literal["analyse"] = "analyse"


@dataclass(frozen=True, slots=True)
class StopAnalysing:
    """Ends what Analyse began; nothing more is said of it."""

    type: Literal["stop-analysing"] = "stop-analysing"


@dataclass(frozen=True, slots=True)
class Follow:
    """Follows whoever is nearest to (x, y) in the next frame that is sent. Each frame is answered by
    Followed."""

    x: float
    y: float
    scene: Scene
    framing: Framing
    type: Literal["follow"] = "follow"


@dataclass(frozen=True, slots=True)
class StopFollowing:
    type: Literal["stop-following"] = "stop-following"


@dataclass(frozen=True, slots=True)
class PlanPath:
    """Asks for the crop's way over the clip: answered by PathPlanned with the same `key`. `times_us`: the
    medium's frames; `cuts_us`: first moments of new shots. `player`: the chosen one's columns (frames index
    `times_us`), null for nobody; `ball` likewise."""

    key: str
    scene: Scene
    framing: Framing
    times_us: list[int]
    cuts_us: list[int] = field(default_factory=list)
    player: TrackColumns | None = None
    ball: TrackColumns | None = None
    keyframes: list[Keyframe] = field(default_factory=list)
    type: Literal["plan-path"] = "plan-path"


AnalystRequest = Analyse | StopAnalysing | Follow | StopFollowing | PlanPath


# analysis worker -> application


@dataclass(frozen=True, slots=True)
class AnalystReady:
    """The worker is up. `processor`: what it computes on."""

    processor: Processor
    type: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class AnalysisProgress:
    """`frames` are done, `time_us` is reached. `message`: what is being done."""

    progress: float
    frames: int
    time_us: int
    message: str = ""
    type: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class AnalysisFinished:
    """`frames_per_second`: how fast it went."""

    tracking: Tracking
    frames_per_second: float = 0.0
    type: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True)
class AnalysisFailed:
    problem: Problem
    type: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class PathPlanned:
    """`crop`: the crop's path; `subject`: the player's boxes. Both in the medium's time."""

    key: str
    crop: list[PathPoint]
    subject: list[PathPoint]
    type: Literal["path-planned"] = "path-planned"


@dataclass(frozen=True, slots=True)
class AnalystTrouble:
    """A request other than Analyse failed: following has ended, or no path could be planned."""

    problem: Problem
    type: Literal["trouble"] = "trouble"


AnalystEvent = (
    AnalystReady
    | AnalysisProgress
    | AnalysisFinished
    | AnalysisFailed
    | Followed
    | PathPlanned
    | AnalystTrouble
)
