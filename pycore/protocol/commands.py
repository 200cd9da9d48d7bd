"""Commands: page -> worker. Each travels as {"id": n, "command": {"type": "...", ...}, "attachments": {...}}
and is answered by {"id": n, "ok": true, "result": ...} or {"id": n, "ok": false, "error": Problem}.

Attachments are what JSON cannot carry: `canvas` (OffscreenCanvas), `file` (File). Video frames are not
commands: they travel as {"frame": VideoFrame, "time_us": n} and are answered by a FramePresented event.
"""

from dataclasses import dataclass
from typing import Literal

from pycore.protocol.analysis import (
    CancelAnalysis,
    ChoosePlayer,
    JoinTracks,
    Relink,
    SplitTrack,
    StartAnalysis,
)
from pycore.protocol.exports import SlowMotion
from pycore.protocol.framing import Aspect, Framing, Spotlight
from pycore.protocol.geometry import Rect, Size
from pycore.protocol.jobs import ModelName, Route
from pycore.protocol.local_export import PauseLocalExport, StartLocalExport


@dataclass(frozen=True, slots=True)
class AttachCanvas:
    """Attachment `canvas`: where Reel is drawn."""

    type: Literal["attach-canvas"] = "attach-canvas"


@dataclass(frozen=True, slots=True)
class OpenMedia:
    """Attachment `file`. Starts a new project on it, or takes up the stored one when `project_id` names it.

    `size`, `duration_us`: from the `<video>` element (display size).
    """

    name: str
    bytes: int
    size: Size
    duration_us: int
    content_type: str = ""
    project_id: str = ""
    type: Literal["open-media"] = "open-media"


@dataclass(frozen=True, slots=True)
class CloseMedia:
    type: Literal["close-media"] = "close-media"


@dataclass(frozen=True, slots=True)
class SetCrop:
    """Moves or resizes the crop frame. Clamped to the picture and to the aspect. Calls with the same
    non-empty `gesture` (one drag) undo as one step."""

    crop: Rect
    gesture: str = ""
    type: Literal["set-crop"] = "set-crop"


@dataclass(frozen=True, slots=True)
class SetAspect:
    aspect: Aspect
    type: Literal["set-aspect"] = "set-aspect"


@dataclass(frozen=True, slots=True)
class SetTrim:
    in_us: int
    out_us: int
    gesture: str = ""
    type: Literal["set-trim"] = "set-trim"


@dataclass(frozen=True, slots=True)
class AddClip:
    """One more clip of the same medium behind the selected one, from that moment on; it becomes the
    selected."""

    at_us: int
    type: Literal["add-clip"] = "add-clip"


@dataclass(frozen=True, slots=True)
class MarkMoment:
    """One more clip of the same medium around that moment: 8 s before, 4 s after. While the whole medium is
    the reel's only clip, that is cut to the moment. The selected clip stays selected."""

    at_us: int
    type: Literal["mark-moment"] = "mark-moment"


@dataclass(frozen=True, slots=True)
class RemoveClip:
    index: int
    type: Literal["remove-clip"] = "remove-clip"


@dataclass(frozen=True, slots=True)
class MoveClip:
    """The clip at `index` to the place `to` in the row."""

    index: int
    to: int
    type: Literal["move-clip"] = "move-clip"


@dataclass(frozen=True, slots=True)
class SelectClip:
    """Edits are about this clip from now on. No step to undo."""

    index: int
    type: Literal["select-clip"] = "select-clip"


@dataclass(frozen=True, slots=True)
class SetClip:
    """The selected clip's title, how long its first frame stands still, and its slow range (null: none). Null
    leaves the first two as they are."""

    title: str | None = None
    freeze_us: int | None = None
    slow: SlowMotion | None = None
    gesture: str = ""
    type: Literal["set-clip"] = "set-clip"


@dataclass(frozen=True, slots=True)
class SetOutput:
    size: Size
    model: ModelName = ModelName.QUICK
    type: Literal["set-output"] = "set-output"


@dataclass(frozen=True, slots=True)
class SetPreview:
    """How Reel is drawn. Null leaves a value as it is.

    `split`: 0 to 1, share of the width, from the left, that shows the picture before upscaling. `sharpness`:
    0 to 1.
    """

    split: float | None = None
    sharpness: float | None = None
    type: Literal["set-preview"] = "set-preview"


@dataclass(frozen=True, slots=True)
class SetFraming:
    """How the crop follows. Calls with the same non-empty `gesture` undo as one step."""

    framing: Framing
    gesture: str = ""
    type: Literal["set-framing"] = "set-framing"


@dataclass(frozen=True, slots=True)
class SetSpotlight:
    """How the player is marked. `gesture` as in SetFraming."""

    spotlight: Spotlight
    gesture: str = ""
    type: Literal["set-spotlight"] = "set-spotlight"


@dataclass(frozen=True, slots=True)
class SetKeyframe:
    """The crop at that moment is this, clamped to the picture and to the crop's shape; a keyframe that is
    there already (within half a frame) is replaced. `gesture` as in SetFraming."""

    time_us: int
    crop: Rect
    gesture: str = ""
    type: Literal["set-keyframe"] = "set-keyframe"


@dataclass(frozen=True, slots=True)
class RemoveKeyframe:
    """Takes the keyframe nearest to that moment away."""

    time_us: int
    type: Literal["remove-keyframe"] = "remove-keyframe"


@dataclass(frozen=True, slots=True)
class Undo:
    type: Literal["undo"] = "undo"


@dataclass(frozen=True, slots=True)
class Redo:
    type: Literal["redo"] = "redo"


@dataclass(frozen=True, slots=True)
class RefreshServer:
    """Asks the server again for what it can do, for jobs and for estimates."""

    type: Literal["refresh-server"] = "refresh-server"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Uses this token with the server from now on ("": none), and asks it again. Whether it was taken shows
    in the state: `server`, or `server_problem` with the code auth.required or auth.wrong-token."""

    token: str
    type: Literal["sign-in"] = "sign-in"


@dataclass(frozen=True, slots=True)
class StartExport:
    """Uploads the media where the server lacks it and starts an export. Answered at once; progress comes in
    the state."""

    route: Route = Route.AUTO
    type: Literal["start-export"] = "start-export"


@dataclass(frozen=True, slots=True)
class CancelJob:
    """`job_id` "upload" cancels an upload under way."""

    job_id: str
    type: Literal["cancel-job"] = "cancel-job"


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """Result: {"url": where the file is downloaded (it redirects to a presigned URL), "filename": name}; of
    an export made in this browser {"stored": its file in the private folder's exports/, "filename":
    name}."""

    job_id: str
    type: Literal["download-result"] = "download-result"


Command = (
    AttachCanvas
    | OpenMedia
    | CloseMedia
    | SetCrop
    | SetAspect
    | SetTrim
    | AddClip
    | MarkMoment
    | RemoveClip
    | MoveClip
    | SelectClip
    | SetClip
    | SetOutput
    | SetPreview
    | SetFraming
    | SetSpotlight
    | SetKeyframe
    | RemoveKeyframe
    | Undo
    | Redo
    | RefreshServer
    | SignIn
    | StartExport
    | StartLocalExport
    | PauseLocalExport
    | CancelJob
    | DownloadResult
    | StartAnalysis
    | CancelAnalysis
    | ChoosePlayer
    | Relink
    | SplitTrack
    | JoinTracks
)
