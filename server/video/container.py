"""Opening a video file that may be anything: only local files, only known containers and codecs, bounded
sizes.

FFmpeg is never let near the network or another file (protocol whitelist, external references off), and no
decoder outside CODECS is opened.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.stream import VideoStream

from pycore.protocol import ReelError
from server.config.media import media_limits

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts"
SOUND_FORMATS = f"{FORMATS},mp3,wav,flac,ogg,aac"
CODECS = frozenset(
    ["h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mjpeg", "prores", "h263", "ffv1", "dnxhd"]
)
LIMITS = media_limits()

_CONVERT = "Convert it to MP4 with H.264, for example: ffmpeg -i INPUT -c:v libx264 -c:a aac OUTPUT.mp4"


def _decoder_options() -> dict[str, str]:
    return {"max_pixels": str(LIMITS.max_pixels)}


def media_error(code: str, title: str, detail: str, hint: str) -> ReelError:
    """A ReelError about the media file itself: 422, so that an upload of it is refused."""
    return ReelError.of(f"media.{code}", title, detail, hint, 422)


@contextlib.contextmanager
def opened(path: Path, formats: str = FORMATS) -> Iterator[InputContainer]:
    """The container for reading. Raises ReelError where it cannot be opened; FFmpeg's errors inside the block
    pass."""
    with _open(path, formats) as container:
        if len(container.streams) > LIMITS.max_streams:
            raise media_error(
                "too-many-streams",
                "Too many streams",
                f"{path.name} has {len(container.streams)} streams; {LIMITS.max_streams} are the limit.",
                _CONVERT,
            )
        yield container


def stamp(path: Path) -> tuple[int, int]:
    """(length in bytes, time of change in ns): tells a file from its earlier self. ReelError if it cannot
    be read."""
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not path.is_file():
        raise media_error("unreadable", "Not a file", f"{path} is no file.", "Choose a video file.")
    return status.st_size, status.st_mtime_ns


def _open(path: Path, formats: str) -> InputContainer:
    options = {"protocol_whitelist": "file", "format_whitelist": formats, "enable_drefs": "0"}
    if stamp(path)[0] == 0:
        raise media_error("empty", "Empty file", f"{path.name} has no content.", "Copy or upload it again.")
    try:
        # `options` also reach the decoders that look into the first packets while the file is opened.
        return av.open(
            f"file:{path}", options=_decoder_options(), container_options=options, metadata_errors="replace"
        )
    except FFmpegError as error:
        try:
            raise _diagnose(path) from error
        except OSError as unreadable:
            raise _unreadable(path, unreadable) from unreadable


def _unreadable(path: Path, error: OSError) -> ReelError:
    return media_error(
        "unreadable",
        "File cannot be read",
        f"{path}: {error.strerror or error}.",
        "Check the name and the permissions.",
    )


def _diagnose(path: Path) -> ReelError:
    with path.open("rb") as file:
        head = file.read(64)
    boxes = _boxes(path) if head[4:8] in _FIRST_BOXES else []
    if boxes and "moov" not in boxes:
        return media_error(
            "truncated",
            "Incomplete video file",
            f"{path.name} starts as an MP4 but its index is missing: the recording or the copy broke off.",
            "Copy or upload it again from the camera or phone; if nothing else is left, try a repair tool.",
        )
    if head.startswith(b"\x1aE\xdf\xa3") or head[4:8] in _FIRST_BOXES:
        return media_error(
            "damaged",
            "Damaged video file",
            f"{path.name} starts as a video but its structure cannot be read.",
            "Copy or upload it again.",
        )
    for magic, (kind, is_video) in _OTHER_KINDS.items():
        if head.startswith(magic):
            return media_error(
                "unsupported-container",
                "Unsupported kind of file",
                f"{path.name} is {kind}. ReelBallers reads MP4, MOV, MKV, WebM and MPEG-TS.",
                _CONVERT if is_video else "Choose a video file.",
            )
    return media_error(
        "not-a-video",
        "Not a video",
        f"{path.name} is no video file that ReelBallers can read.",
        "Choose an MP4, MOV, MKV, WebM or MPEG-TS file.",
    )


_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_OTHER_KINDS = {
    b"RIFF": ("an AVI or WAV file", True),
    b"FLV": ("a Flash video", True),
    b"0&\xb2u": ("a Windows Media file", True),
    b"OggS": ("an Ogg file", True),
    b"GIF8": ("a GIF picture", False),
    b"\x89PNG": ("a PNG picture", False),
    b"\xff\xd8\xff": ("a JPEG picture", False),
    b"ID3": ("an MP3 file", False),
    b"%PDF": ("a PDF document", False),
    b"PK\x03\x04": ("a ZIP archive", False),
}


def _boxes(path: Path) -> list[str]:
    """The types of an MP4's top-level boxes, as far as they can be followed."""
    found: list[str] = []
    end = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= end and len(found) < 1000:
            file.seek(at)
            header = file.read(16)
            size = int.from_bytes(header[:4])
            if size == 1:
                size = int.from_bytes(header[8:16])
            elif size == 0:
                size = end - at
            if size < 8:
                break
            found.append(header[4:8].decode("latin-1"))
            at += size
    return found


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream that is the picture: the first that is no cover art. Checked for codec and size before
    anything is decoded; its decoder is limited in threads and pixels."""
    pictures = [
        stream
        for stream in container.streams.video
        if not stream.disposition & stream.disposition.attached_pic
    ]
    if not pictures:
        what = "sound only" if container.streams.audio else "no video"
        raise media_error(
            "no-video", "No video in this file", f"{name} has {what}.", "Choose a file with a picture."
        )
    stream = pictures[0]
    codec = codec_name(stream)
    if codec not in CODECS:
        raise media_error(
            "unsupported-codec",
            "Unsupported video codec",
            f"{name} holds “{codec}” video, which ReelBallers does not decode.",
            _CONVERT,
        )
    check_size(stream.codec_context.width, stream.codec_context.height, name)
    context = stream.codec_context
    context.thread_type = "AUTO"
    context.thread_count = LIMITS.decoder_threads
    context.options = _decoder_options()
    return stream


def codec_name(stream: Stream) -> str:
    """FFmpeg's name of what the stream holds ("h264", "av1"), whoever decodes it; "unknown" where there is no
    decoder."""
    context = stream.codec_context
    return context.codec.canonical_name if context is not None else "unknown"


def check_size(width: int, height: int, name: str) -> None:
    """Refuses pictures that are empty or beyond what this project handles."""
    if width < 1 or height < 1:
        raise media_error(
            "damaged",
            "Damaged video file",
            f"{name} does not tell its picture's size.",
            "Copy or upload it again.",
        )
    if max(width, height) > LIMITS.max_side or width * height > LIMITS.max_pixels:
        raise media_error(
            "too-large",
            "Picture too large",
            f"{name} claims {width}×{height} pixels; {LIMITS.max_side} a side and "
            f"{LIMITS.max_pixels // 10**6} megapixels are the limit.",
            "If that is really its size, scale it down first; otherwise the file is damaged.",
        )
