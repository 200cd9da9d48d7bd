"""A decoded frame's crop as RGB: turned upright, with square pixels, in standard range."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter

from server.video import hdr
from server.video.colour import SCALING, Colour, colour_of, scaler_matrix
from server.video.probe import Source

Crop = tuple[int, int, int, int]
"""x, y, width, height in whole display pixels."""

_CUT = {
    f"{letters}{spread}{depth}": (across, down, kind)
    for letters, depth, kind in (
        ("yuv", "p", np.uint8),
        ("yuvj", "p", np.uint8),
        ("yuv", "p10le", np.uint16),
        ("yuv", "p12le", np.uint16),
    )
    for spread, across, down in (("420", 2, 2), ("422", 2, 1), ("444", 1, 1))
}
"""Formats that are cut before they are converted, as a crop is often a tenth of the picture: how many luma
samples lie between two of chroma, across and down, and a sample's type."""
_MARGIN = 16
"""Pixels kept around the crop, which the interpolation of chroma looks at."""


class ToRgb:
    """Makes RGB of frames of one source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame, crop: Crop) -> np.ndarray:
        """uint8 (height, width, 3), R'G'B', full range."""
        square, turned = self._source.square, self._source.orientation
        colour = colour_of(frame, square)
        x, y, width, height = turned.before(crop, self._source.size)
        if (frame.width, frame.height) == (square.width, square.height) and _can_be_cut(frame):
            left, top = max(x - _MARGIN, 0) // 2 * 2, max(y - _MARGIN, 0) // 2 * 2
            right, bottom = _even(x + width + _MARGIN), _even(y + height + _MARGIN)
            frame = _cut(frame, left, top, min(right, frame.width), min(bottom, frame.height))
            whole = self._converted(frame, frame.width, frame.height, colour)
            x, y = x - left, y - top
        else:
            whole = self._converted(frame, square.width, square.height, colour)
        inner = whole[y : y + height, x : x + width]
        if colour.hdr:
            inner = hdr.standard(inner, colour.transfer)
        return turned.apply(inner)

    def _converted(self, frame: VideoFrame, width: int, height: int, colour: Colour) -> np.ndarray:
        matrix = scaler_matrix(colour.matrix)
        made = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb48le" if colour.hdr else "rgb24",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            interpolation=SCALING,
            src_color_range=ColorRange.JPEG if colour.full else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        return made.to_ndarray()


def _can_be_cut(frame: VideoFrame) -> bool:
    """Where chroma lies between the pixels of an odd side, the scaler's phase differs from pixel to pixel."""
    across, down, _ = _CUT.get(frame.format.name, (0, 0, None))
    return across > 0 and frame.width % across == 0 and frame.height % down == 0


def _even(number: int) -> int:
    return number + number % 2


def _cut(frame: VideoFrame, left: int, top: int, right: int, bottom: int) -> VideoFrame:
    """A part of a planar frame, from even numbers to even numbers or the frame's edge."""
    across, down, kind = _CUT[frame.format.name]
    part = VideoFrame(right - left, bottom - top, frame.format.name)
    for number, (whole, target) in enumerate(zip(frame.planes, part.planes, strict=True)):
        x, y = (left, top) if number == 0 else (left // across, top // down)
        wanted = _rows(target, kind)[:, : target.width]
        wanted[:] = _rows(whole, kind)[y : y + target.height, x : x + target.width]
    part.colorspace, part.color_range = frame.colorspace, frame.color_range
    return part


def _rows(plane: VideoPlane, kind: type) -> np.ndarray:
    """A plane's memory, (rows, samples with padding)."""
    return np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)  # type: ignore[arg-type]
