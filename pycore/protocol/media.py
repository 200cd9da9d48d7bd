"""Media files and their resumable upload in parts."""

from dataclasses import dataclass, field

from pycore.protocol.geometry import Size


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A media file as both sides know it. `size` is the display size (after rotation and pixel aspect);
    0x0, with no frames, where there is sound alone, which can be music.

    The browser fills it from `<video>` (fps 0 and codec "" where it cannot tell); the server replaces it by
    its own probe when the upload is complete, and then `id` is the server's. Before the upload `id` is "".
    """

    id: str
    name: str
    bytes: int
    size: Size
    duration_us: int
    fps: float = 0.0
    codec: str = ""
    has_audio: bool = False
    rotation: int = 0
    frames: int = 0


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """POST projects/{id}/media. `fingerprint` names the content (hex, see `pycore.uploads`); the same
    fingerprint and length in the same project answer with the upload already begun, so that a killed tab
    resumes."""

    name: str
    bytes: int
    fingerprint: str
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an upload: `PUT url` with exactly `bytes` bytes from `offset`. `done` parts are stored
    already."""

    number: int
    offset: int
    bytes: int
    done: bool
    url: str = ""


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """Answer to an UploadRequest, and to GET projects/{id}/media/{media_id}. `info` is set once the upload is
    complete and probed; URLs are presigned and expire at `expires_at` (Unix seconds): ask again for fresh
    ones."""

    media_id: str
    part_bytes: int
    parts: list[Part] = field(default_factory=list)
    expires_at: int = 0
    info: MediaInfo | None = None
