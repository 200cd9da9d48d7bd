"""Exact frames of a file, as they are to be shown: 8-bit RGB, turned upright, with square pixels."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from server.video.container import media_error, opened, video_stream
from server.video.probe import Source

Crop = tuple[int, int, int, int]
"""x, y, width, height in whole display pixels."""

# Correctly rounded, the same on every processor, with chroma interpolated to full resolution.
_SCALING = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
# FFmpeg's AVColorSpace numbers -> swscale's
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_RGB = 0
_UNSPECIFIED = 2


def frames(
    path: Path, source: Source, first: int, count: int, crop: Crop | list[Crop]
) -> Iterator[np.ndarray]:
    """Frames `first` to `first + count` of the frame table, cropped: uint8 (height, width, 3), RGB, full
    range, contiguous. `crop`: the same for all, or one for each.

    Decoding starts at the keyframe before, wherever segments begin, so a frame's pixels never depend on who
    asks. A frame that the decoder cannot give is replaced by the one before it (or the next); if none of them
    can be had, ReelError `media.damaged` names the time.
    """
    crops: Iterable[Crop] = crop if isinstance(crop, list) else [crop] * count
    for picture, (x, y, width, height) in zip(_whole(path, source, first, count), crops, strict=True):
        yield np.ascontiguousarray(picture[y : y + height, x : x + width])


def _whole(path: Path, source: Source, first: int, count: int) -> Iterator[np.ndarray]:
    """The frames uncropped."""
    wanted = source.table.pts[first : first + count]
    to_rgb = _Converter(source)
    given = 0
    last: np.ndarray | None = None
    for frame in _decoded_from(path, source, int(wanted[0])):
        if given == count:
            break
        if frame.pts is None or frame.pts < wanted[given]:
            continue
        number = int(np.searchsorted(wanted, frame.pts, side="right")) - 1
        picture = to_rgb(frame) if number < count - 1 or frame.pts == wanted[-1] else None
        while given < number:  # lost frames
            stand_in = picture if last is None else last
            if stand_in is None:
                break
            yield stand_in
            given += 1
        if picture is None:
            break
        yield picture
        given, last = number + 1, picture
    if last is None:
        seconds = source.table.times_us()[first] / 1e6
        raise media_error(
            "damaged",
            "Damaged video file",
            f"{path.name} cannot be decoded at {seconds:.2f} s.",
            "Copy or upload it again, or trim this part away.",
        )
    for _ in range(count - given):
        yield last


def _decoded_from(path: Path, source: Source, pts: int) -> Iterator[VideoFrame]:
    """Decoded frames in order of presentation, beginning at or before `pts`."""
    before = source.table.keys[: np.searchsorted(source.table.keys, pts, side="right")]
    # Some containers seek by decoding time and land too late: then go back further, at last to the very
    # start.
    starts: list[int | None] = [int(key) for key in before[::-1][:3]]
    for start in [*starts, None]:
        with opened(path) as container:
            stream = video_stream(container, path.name)
            if start is not None:
                container.seek(start, stream=stream, backward=True)
            packets = container.demux(stream)
            packet = next((each for each in packets if each.is_keyframe), None)
            if start is not None and (packet is None or packet.pts is None or packet.pts > pts):
                continue
            while packet is not None:
                # A damaged packet gives nothing: its frame is then missing from the row, and `frames` fills
                # the gap.
                with contextlib.suppress(FFmpegError):
                    yield from packet.decode()
                packet = next(packets, None)
            return


class _Converter:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        square = self._source.square
        matrix, limits = self._colour(frame)
        rgb = self._reformatter.reformat(
            frame,
            width=square.width,
            height=square.height,
            format="rgb24",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            interpolation=_SCALING,
            src_color_range=limits,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        return self._source.orientation.apply(rgb.to_ndarray())

    def _colour(self, frame: VideoFrame) -> tuple[Colorspace, ColorRange]:
        """The frame's own matrix and range; where it tells none, what players assume: BT.709 from 720 lines
        on, BT.601 below; limited range."""
        guess = (
            Colorspace.ITU709
            if min(self._source.square.width, self._source.square.height) >= 720
            else Colorspace.ITU601
        )
        matrix = _MATRICES.get(frame.colorspace, guess)
        full = frame.color_range == ColorRange.JPEG or frame.format.is_rgb
        return matrix, ColorRange.JPEG if full else ColorRange.MPEG
