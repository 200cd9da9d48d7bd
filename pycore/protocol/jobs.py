"""Jobs, estimates and what the server can do."""

from dataclasses import dataclass, field
from enum import StrEnum

from pycore.protocol.capability import Processor
from pycore.protocol.errors import Problem
from pycore.protocol.geometry import Size


class ModelName(StrEnum):
    """The names that people see, everywhere. A model is offered from the day it works: see
    ServerInfo.models."""

    QUICK = "quick"
    BEST = "best"
    PERCEPTUAL = "perceptual"
    OWN = "own"
    """A file of the user's, on the command line alone; no server offers it."""


class JobKind(StrEnum):
    EXPORT = "export"
    TRACKING = "tracking"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class Route(StrEnum):
    """Where an export shall run. AUTO leaves it to the router."""

    AUTO = "auto"
    LOCAL = "local"
    RUNPOD = "runpod"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that this server can run. `scale` is its factor; `label` and `note` are for people."""

    name: ModelName
    scale: int
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """GET system/capabilities."""

    version: str
    processors: list[Processor] = field(default_factory=list)
    models: list[ModelInfo] = field(default_factory=list)
    max_upload_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one route would take, measured where possible. `basis` says what the figure rests on ("measured on
    this machine", "default for CPUs")."""

    route: Route
    processor: Processor
    seconds: float
    cost_usd: float
    recommended: bool
    basis: str
    frames: int = 0


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export was, for the record. `seconds` is the computing time over all attempts, `fps` = frames /
    seconds."""

    bytes: int
    seconds: float
    frames: int
    fps: float
    device: str
    model: ModelName
    in_size: Size
    out_size: Size
    duration_us: int
    has_audio: bool
    estimated_seconds: float
    estimated_cost_usd: float
    actual_cost_usd: float
    sha256: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrackingRequest:
    """POST projects/{id}/tracking: find and follow the players of a media file, from `in_us` on and before
    `out_us` (null: to the end). The result is a Tracking document."""

    media_id: str
    in_us: int = 0
    out_us: int | None = None
    route: Route = Route.AUTO

    def media_ids(self) -> list[str]:
        """The files that are needed."""
        return [self.media_id]


@dataclass(frozen=True, slots=True)
class TrackingEstimateRequest:
    """POST estimates/tracking: the players of a video before any upload, so by its figures. `size` in display
    pixels; `fps` 0 counts as 30."""

    size: Size
    duration_us: int
    fps: float = 0.0


@dataclass(frozen=True, slots=True)
class TrackingResult:
    """What a tracking job came to: its document lies at jobs/{id}/result. `seconds` is the computing time
    over all attempts, `fps` = frames / seconds."""

    bytes: int
    seconds: float
    frames: int
    fps: float
    device: str
    players: int
    cuts: int
    estimated_seconds: float = 0.0
    estimated_cost_usd: float = 0.0
    actual_cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as read from the API. `progress` is 0 to 1; `seconds_left` null until it can be told; `sequence`
    is the number of its newest event; times are Unix seconds; `name` is what people see in the list."""

    id: str
    kind: JobKind
    state: JobState
    project_id: str
    name: str
    progress: float
    message: str
    created_at: float
    sequence: int
    reason: str = ""
    """Why the router chose the processor, in words."""
    processor: Processor | None = None
    estimate: Estimate | None = None
    seconds_left: float | None = None
    result: ExportResult | None = None
    tracked: TrackingResult | None = None
    error: Problem | None = None


@dataclass(frozen=True, slots=True)
class JobEvent:
    """jobs/{id}/events (WebSocket): the whole job at `sequence`. First a snapshot, then each change;
    `?after=N` skips the snapshot if nothing came since N. The server closes with 1000 after a final state."""

    sequence: int
    job: Job
