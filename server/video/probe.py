"""What a video file is: everything that planning, decoding and the project document need to know about it."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame

from pycore.protocol import MediaInfo, ReelError, Size, decode, encode
from server.video import sound
from server.video.container import check_size, codec_name, media_error, opened, stamp, video_stream
from server.video.frames import FrameTable, frame_table
from server.video.hdr import NAMES as HDR

MAX_CHAPTERS = 500
MAX_TITLE = 500


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a coded picture is turned for display: first transposed (rows become columns), then mirrored."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def rotation(self) -> int:
        """Degrees clockwise, 0, 90, 180 or 270 (of a mirrored picture: before mirroring left to right)."""
        if self.transpose:
            return 270 if self.flip_y else 90
        return 180 if self.flip_y else 0

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """A view of `picture`, (height, width, ...), as it is to be shown."""
        if self.transpose:
            picture = picture.swapaxes(0, 1)
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]

    def before(self, crop: tuple[int, int, int, int], shown: Size) -> tuple[int, int, int, int]:
        """Where that part (x, y, width, height) of a picture shown in the size `shown` lies before it is
        turned."""
        x, y, width, height = crop
        if self.flip_x:
            x = shown.width - x - width
        if self.flip_y:
            y = shown.height - y - height
        return (y, x, height, width) if self.transpose else (x, y, width, height)


@dataclass(frozen=True, slots=True)
class Chapter:
    """Times in microseconds on the container's clock."""

    begin_us: int
    end_us: int
    title: str


@dataclass(frozen=True, slots=True)
class About:
    """What the container tells about itself and an export keeps: `made` is its creation time (ISO 8601, or
    "")."""

    made: str
    chapters: list[Chapter]


@dataclass(frozen=True, slots=True)
class Source:
    """A probed file. `square` is the coded picture's size after the pixel aspect and before the turn; `size`
    the display size.

    `sound` are its sound tracks, in order.
    """

    table: FrameTable
    square: Size
    size: Size
    orientation: Orientation
    codec: str
    sound: tuple[sound.Track, ...]
    notes: tuple[str, ...]
    about: About

    @property
    def has_audio(self) -> bool:
        return bool(self.sound)


def probe(path: Path, name: str) -> MediaInfo:
    """What people and programs see of the file (id ""): a video, or sound alone, for music, which has no size
    and no frames. `name` is its name to them. Raises ReelError `media.*` for anything that is neither."""
    try:
        source = inspect(path)
    except ReelError as error:
        if error.problem.code not in _PERHAPS_SOUND:
            raise
        return _sound_alone(path, name, error)
    return MediaInfo(
        id="",
        name=name,
        bytes=path.stat().st_size,
        size=source.size,
        duration_us=source.table.duration_us,
        fps=round(source.table.fps, 3),
        codec=source.codec,
        has_audio=source.has_audio,
        rotation=source.orientation.rotation,
        frames=len(source.table),
    )


_PERHAPS_SOUND = ("media.no-video", "media.unsupported-container", "media.not-a-video")


def _sound_alone(path: Path, name: str, no_video: ReelError) -> MediaInfo:
    try:
        first, *_ = inspect_music(path)
    except ReelError as error:
        raise error if error.problem.code == "media.no-duration" else no_video from None
    return MediaInfo(
        id="",
        name=name,
        bytes=path.stat().st_size,
        size=Size(0, 0),
        duration_us=first.duration_us,
        codec=first.codec,
        has_audio=True,
    )


def inspect(path: Path) -> Source:
    """What the file is, read by the sandbox. Remembered for the file as it is now."""
    return _inspect(path, *stamp(path))


def inspect_music(path: Path) -> tuple[sound.Track, ...]:
    """The sound tracks of a file whose sound alone counts, with picture or without. ReelError
    `media.no-sound` where it has none."""
    return _inspect_music(path, *stamp(path))


@lru_cache(maxsize=64)
def _inspect_music(path: Path, _size: int, _mtime_ns: int) -> tuple[sound.Track, ...]:
    from server.video.sandbox import client

    return client.tracks(path)


@lru_cache(maxsize=64)
def _inspect(path: Path, _size: int, _mtime_ns: int) -> Source:
    from server.video.sandbox import client  # which speaks of Sources itself

    return client.inspect(path)


def read(path: Path) -> Source:
    """Reads the container and decodes the first frame, in this very process: for the sandbox."""
    table = frame_table(path)
    with opened(path) as container:
        stream = video_stream(container, path.name)
        codec = codec_name(stream)
        try:
            frame = next(container.decode(stream), None)
        except FFmpegError as error:
            raise _undecodable(path, codec, str(error.strerror)) from error
        if frame is None:
            raise _undecodable(path, codec, "no frame comes out")
        check_size(frame.width, frame.height, path.name)
        square = _square(frame.width, frame.height, stream.sample_aspect_ratio)
        check_size(square.width, square.height, path.name)
        turned = orientation(frame)
        size = Size(square.height, square.width) if turned.transpose else square
        return Source(
            table,
            square,
            size,
            turned,
            codec,
            tuple(sound.tracks(container)),
            _notes(frame),
            _facts(container),
        )


def to_wire(source: Source) -> tuple[dict[str, Any], list[np.ndarray]]:
    """JSON-able facts, and the long columns: what a process that must not be trusted may send."""
    table = source.table
    facts = {
        "square": encode(source.square),
        "size": encode(source.size),
        "orientation": encode(source.orientation),
        "codec": source.codec,
        "sound": encode(source.sound),
        "notes": [*source.notes],
        "about": encode(source.about),
        "end": table.end,
        "time_base": str(table.time_base),
    }
    return facts, [table.pts, table.keys]


def from_wire(facts: Any, columns: list[np.ndarray]) -> Source:
    """Raises ValueError, KeyError or TypeError for what is no Source."""
    pts, keys = columns
    if pts.dtype != np.int64 or len(pts) == 0 or np.any(np.diff(pts) <= 0):
        raise ValueError("times do not rise")
    table = FrameTable(pts, keys, int(facts["end"]), Fraction(facts["time_base"]))
    return Source(
        table,
        decode(Size, facts["square"]),
        decode(Size, facts["size"]),
        decode(Orientation, facts["orientation"]),
        str(facts["codec"]),
        tuple(decode(list[sound.Track], facts["sound"])),
        tuple(decode(list[str], facts["notes"])),
        decode(About, facts["about"]),
    )


def _facts(container: InputContainer) -> About:
    chapters = []
    for each in container.chapters()[:MAX_CHAPTERS]:
        base = each["time_base"]
        if base is None:
            continue
        begin, end = (round(each[name] * base * 1_000_000) for name in ("start", "end"))
        title = str(each["metadata"].get("title", ""))[:MAX_TITLE]
        chapters.append(Chapter(begin, end, title))
    return About(str(container.metadata.get("creation_time", ""))[:MAX_TITLE], chapters)


def _undecodable(path: Path, codec: str, why: str) -> Exception:
    return media_error(
        "damaged",
        "Damaged video file",
        f"The {codec} video in {path.name} cannot be decoded: {why}.",
        "Copy or upload it again, or convert it: ffmpeg -i INPUT -c:v libx264 -c:a aac OUTPUT.mp4",
    )


def orientation(frame: VideoFrame) -> Orientation:
    """From the frame's display matrix, rounded to quarter turns. The matrix maps (x, y) to (a x + c y, b x +
    d y)."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def _square(width: int, height: int, aspect: Fraction | None) -> Size:
    """The picture with square pixels. One side grows, none shrinks: as browsers do it."""
    if not aspect or not Fraction(1, 8) <= aspect <= 8:
        return Size(width, height)
    if aspect >= 1:
        return Size(round(width * aspect), height)
    return Size(width, round(height / aspect))


def _notes(frame: VideoFrame) -> tuple[str, ...]:
    notes = []
    if frame.color_trc in HDR:
        notes.append(
            f"The source is HDR ({HDR[frame.color_trc]}); the result is standard range, with its highlights "
            "rolled off (ITU-R BT.2390)."
        )
    if frame.interlaced_frame:
        notes.append("The source is interlaced; its lines were not separated.")
    return tuple(notes)
