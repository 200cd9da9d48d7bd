"""Planes of a decoded frame for the crop asked for, copied as little as possible."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter

from server.video.colour import SCALING, colour_of, scaler_matrix
from server.video.picture import Colour
from server.video.probe import Source

Crop = tuple[int, int, int, int]
"""x, y, width, height in whole display pixels."""

# Formats whose planes are handed on as they are: how far chroma samples lie apart
_SUBSAMPLED = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}
_AS_THEY_ARE = {
    f"{letters}{kind}{bits}": spread
    for kind, spread in _SUBSAMPLED.items()
    for letters, bits in (("yuv", "p"), ("yuvj", "p"), ("yuv", "p10le"), ("yuv", "p12le"))
}
_MARGIN = 2
"""Chroma samples around the crop that a filter of four taps looks at."""


class Planes:
    """Makes planes of frames of one source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame, crop: Crop) -> tuple[list[np.ndarray], Mapping[str, Any]]:
        """Y, Cb, Cr for the crop and some samples around it, and the facts of a Picture about them."""
        colour = colour_of(frame, self._source.square)
        square, turn = self._source.square, self._source.orientation
        as_it_is = (frame.width, frame.height) == (square.width, square.height) and not turn.turns
        if as_it_is and frame.format.name in _AS_THEY_ARE:
            across, down = _AS_THEY_ARE[frame.format.name]
        else:
            deep = colour.bits > 8
            matrix = scaler_matrix(colour.matrix)
            limits = ColorRange.JPEG if colour.full else ColorRange.MPEG
            frame = self._reformatter.reformat(
                frame,
                width=square.width,
                height=square.height,
                format="yuv444p10le" if deep else "yuv444p",
                src_colorspace=matrix,
                dst_colorspace=matrix,
                interpolation=SCALING,
                src_color_range=limits,
                dst_color_range=limits,
                threads=1,
            )
            across, down = 1, 1
            bits = 10 if deep else 8
            colour = Colour(
                colour.matrix, colour.transfer, colour.primaries, colour.full, bits, 1, 1, True, True
            )
        x, y, width, height = crop
        planes, begin = [], (0, 0)
        for number in range(3):
            plane = self._source.orientation.apply(_samples(frame, number, colour.bits))
            step = (1, 1) if number == 0 else (across, down)
            left = max(x // across - _MARGIN, 0) * across
            top = max(y // down - _MARGIN, 0) * down
            right = (-(-(x + width) // across) + _MARGIN) * across
            bottom = (-(-(y + height) // down) + _MARGIN) * down
            planes.append(plane[top // step[1] : bottom // step[1], left // step[0] : right // step[0]])
            begin = (left, top)
        facts = {"x": x - begin[0], "y": y - begin[1], "colour": _wire(colour)}
        return planes, facts


def _samples(frame: VideoFrame, number: int, bits: int) -> np.ndarray:
    plane = frame.planes[number]
    kind = np.uint8 if bits == 8 else np.uint16
    rows = np.asarray(memoryview(plane)).view(kind).reshape(plane.height, -1)  # type: ignore[arg-type]
    return rows[:, : plane.width]


def _wire(colour: Colour) -> dict[str, Any]:
    return {name: getattr(colour, name) for name in Colour.__slots__}
