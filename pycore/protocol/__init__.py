"""What crosses a boundary: page <-> worker, browser <-> server, API <-> jobs. Defined here and nowhere else.

All are standard dataclasses of JSON-able fields. The browser reads them with `codec`, the server validates
them with pydantic's `TypeAdapter`, and the page's types are generated from them by the build.

Conventions: boxes and crops are floats in display pixels (after rotation and pixel aspect), origin top left.
Times are integer microseconds from the first presented frame, edit lists applied. Sizes are integers in
pixels. Money is US dollars.
"""

import dataclasses as _dataclasses

from pycore.protocol.analysis import (
    Analyse,
    Analysis,
    AnalysisFailed,
    AnalysisFinished,
    AnalysisProgress,
    AnalysisState,
    AnalystEvent,
    AnalystReady,
    AnalystRequest,
    CancelAnalysis,
    ChoosePlayer,
    Follow,
    Followed,
    JoinTracks,
    Relink,
    SplitTrack,
    StartAnalysis,
    StopAnalysing,
    StopFollowing,
    TracksChanged,
)
from pycore.protocol.capability import Capability, Fallback, Processor, ProcessorKind, Tier, WebGPULevel
from pycore.protocol.codec import DecodeError, decode, encode
from pycore.protocol.commands import (
    AttachCanvas,
    CancelJob,
    CloseMedia,
    Command,
    DownloadResult,
    OpenMedia,
    Redo,
    RefreshServer,
    SetAspect,
    SetCrop,
    SetOutput,
    SetPreview,
    SetTrim,
    StartExport,
    Undo,
)
from pycore.protocol.errors import Problem, ReelError
from pycore.protocol.events import (
    AppState,
    Booting,
    Event,
    FramePresented,
    Notice,
    Preview,
    StateChanged,
    Upload,
)
from pycore.protocol.framing import Framing, Keyframe, PathPoint, Spotlight, SpotlightStyle
from pycore.protocol.geometry import Rect, Size
from pycore.protocol.jobs import (
    Estimate,
    EstimateRequest,
    ExportRequest,
    ExportResult,
    Job,
    JobEvent,
    JobKind,
    JobState,
    ModelInfo,
    ModelName,
    Route,
    ServerInfo,
)
from pycore.protocol.media import MediaInfo, Part, UploadPlan, UploadRequest
from pycore.protocol.project import Aspect, Clip, Output, Project
from pycore.protocol.tracks import (
    Joined,
    Placed,
    Player,
    Span,
    SplitAt,
    Swapped,
    TrackColumns,
    TrackEdit,
    Tracking,
)

__all__ = [
    "Analyse",
    "Analysis",
    "AnalysisFailed",
    "AnalysisFinished",
    "AnalysisProgress",
    "AnalysisState",
    "AnalystEvent",
    "AnalystReady",
    "AnalystRequest",
    "AppState",
    "Aspect",
    "AttachCanvas",
    "Booting",
    "CancelAnalysis",
    "CancelJob",
    "Capability",
    "ChoosePlayer",
    "Clip",
    "CloseMedia",
    "Command",
    "DecodeError",
    "DownloadResult",
    "Estimate",
    "EstimateRequest",
    "Event",
    "ExportRequest",
    "ExportResult",
    "Fallback",
    "Follow",
    "Followed",
    "FramePresented",
    "Framing",
    "Job",
    "JobEvent",
    "JobKind",
    "JobState",
    "JoinTracks",
    "Joined",
    "Keyframe",
    "MediaInfo",
    "ModelInfo",
    "ModelName",
    "Notice",
    "OpenMedia",
    "Output",
    "Part",
    "PathPoint",
    "Placed",
    "Player",
    "Preview",
    "Problem",
    "Processor",
    "ProcessorKind",
    "Project",
    "Rect",
    "Redo",
    "ReelError",
    "RefreshServer",
    "Relink",
    "Route",
    "ServerInfo",
    "SetAspect",
    "SetCrop",
    "SetOutput",
    "SetPreview",
    "SetTrim",
    "Size",
    "Span",
    "SplitAt",
    "SplitTrack",
    "Spotlight",
    "SpotlightStyle",
    "StartAnalysis",
    "StartExport",
    "StateChanged",
    "StopAnalysing",
    "StopFollowing",
    "Swapped",
    "Tier",
    "TrackColumns",
    "TrackEdit",
    "Tracking",
    "TracksChanged",
    "Undo",
    "Upload",
    "UploadPlan",
    "UploadRequest",
    "WebGPULevel",
    "decode",
    "encode",
]

for _name in __all__:
    if _dataclasses.is_dataclass(globals()[_name]):
        # For the server's pydantic: with validate_json(..., strict=True) it refuses what codec refuses.
        # Nested dataclasses inherit no configuration: each needs its own.
        globals()[_name].__pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}
