"""What a video file is: everything that planning, decoding and the project document need to know about it."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame

from pycore.protocol import MediaInfo, Size
from server.video.container import check_size, codec_name, media_error, opened, stamp, video_stream
from server.video.frames import FrameTable, frame_table


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


@dataclass(frozen=True, slots=True)
class Source:
    """A probed file. `square` is the coded picture's size after the pixel aspect and before the turn; `size`
    the display size.

    `colour` is FFmpeg's number of the YUV matrix where the file tells it, else 2 (unspecified).
    """

    table: FrameTable
    square: Size
    size: Size
    orientation: Orientation
    codec: str
    has_audio: bool
    notes: tuple[str, ...]


def probe(path: Path, name: str) -> MediaInfo:
    """What people and programs see of the file (id ""). `name` is its name to them. Raises ReelError
    `media.*` for anything that is no usable video."""
    source = inspect(path)
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


def inspect(path: Path) -> Source:
    """Reads the container and decodes the first frame. Remembered for the file as it is now."""
    table = frame_table(path)
    return _inspect(path, *stamp(path), table)


@lru_cache(maxsize=8)
def _inspect(path: Path, _size: int, _mtime_ns: int, table: FrameTable) -> Source:
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
        return Source(table, square, size, turned, codec, bool(container.streams.audio), _notes(frame))


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
    if frame.color_trc in (16, 18):  # PQ, HLG
        notes.append("The source is HDR; the result is standard range and looks paler than on an HDR screen.")
    if frame.interlaced_frame:
        notes.append("The source is interlaced; its lines were not separated.")
    return tuple(notes)
