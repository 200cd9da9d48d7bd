"""Events: worker -> page, each as {"event": {"type": "...", ...}}."""

from dataclasses import dataclass, field
from typing import Literal

from pycore.protocol.analysis import Analysis, Followed, PathChanged, TracksChanged
from pycore.protocol.capability import Capability
from pycore.protocol.errors import Problem
from pycore.protocol.framing import FramingPreset
from pycore.protocol.jobs import Estimate, Job, ServerInfo
from pycore.protocol.local_export import LocalExport, LocalOffer
from pycore.protocol.project import Project


@dataclass(frozen=True, slots=True)
class Preview:
    """How Reel is drawn now: see SetPreview. `live` is true when frames are worth sending (device, canvas and
    media are there); `message` says in one sentence why not."""

    split: float = 0.0
    sharpness: float = 0.4
    live: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload under way: `sent` of `total` bytes."""

    name: str
    sent: int
    total: int


@dataclass(frozen=True, slots=True)
class AppState:
    """All that the page draws. The page keeps no truth of its own but the `<video>` element's playback.

    `server` is null while it is unknown or out of reach (`server_problem` says why). `estimates` are for the
    present clip and output, the recommended one marked; `tracking_estimates`: what the server would take to
    find the players of the present medium. `jobs` are newest first. `presets`: ways to frame.
    `local_offer`: the export in this browser (null until it is known); `local_exports`: those of this page,
    newest first.
    """

    capability: Capability | None = None
    project: Project | None = None
    preview: Preview = field(default_factory=Preview)
    can_undo: bool = False
    can_redo: bool = False
    server: ServerInfo | None = None
    server_problem: Problem | None = None
    estimates: list[Estimate] = field(default_factory=list)
    tracking_estimates: list[Estimate] = field(default_factory=list)
    upload: Upload | None = None
    jobs: list[Job] = field(default_factory=list)
    analysis: Analysis = field(default_factory=Analysis)
    presets: list[FramingPreset] = field(default_factory=list)
    local_offer: LocalOffer | None = None
    local_exports: list[LocalExport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Booting:
    """Progress of the boot, 0 to 1, with what is being loaded. Sent by worker.js until Python is there."""

    progress: float
    message: str
    type: Literal["booting"] = "booting"


@dataclass(frozen=True, slots=True)
class StateChanged:
    state: AppState
    type: Literal["state"] = "state"


@dataclass(frozen=True, slots=True)
class FramePresented:
    """A frame is on the canvas (`presented` true) or was dropped. The page sends the next only after this.

    `gpu_ms` from submit to done, `cpu_ms` Python's share, both in milliseconds; `width`, `height` the
    canvas's size.
    """

    time_us: int
    presented: bool
    gpu_ms: float = 0.0
    cpu_ms: float = 0.0
    width: int = 0
    height: int = 0
    type: Literal["frame"] = "frame"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the person: a failed export, a lost device."""

    problem: Problem
    type: Literal["notice"] = "notice"


Event = Booting | StateChanged | FramePresented | Notice | TracksChanged | Followed | PathChanged
