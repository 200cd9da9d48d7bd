"""What a frame's samples mean: from FFmpeg's tags, and where they say nothing, what players assume."""

from dataclasses import dataclass

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from pycore.protocol import Size
from server.video.hdr import HLG, PQ

# Correctly rounded, the same on every processor, with chroma interpolated to full resolution.
SCALING = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
BT709, BT601, BT2020 = 1, 6, 9
# H.273 matrix numbers -> swscale's
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
HD_LINES = 720


@dataclass(frozen=True, slots=True)
class Colour:
    """How samples mean colours: numbers of ITU-T H.273. `matrix` is never unspecified (2): where the file
    says nothing it is what players assume. `full`: full range, not limited."""

    matrix: int
    transfer: int
    full: bool

    @property
    def hdr(self) -> bool:
        return self.transfer in (PQ, HLG)


def scaler_matrix(matrix: int) -> Colorspace:
    """swscale's number of a matrix of H.273."""
    return _MATRICES[matrix]


def colour_of(frame: VideoFrame, square: Size) -> Colour:
    """The frame's own matrix and range; where it tells none, what players assume: BT.709 from 720 lines on,
    BT.601 below, BT.2020 for HDR; limited range."""
    matrix, transfer = int(frame.colorspace), int(frame.color_trc)
    if matrix not in _MATRICES:
        guess = BT709 if min(square.width, square.height) >= HD_LINES else BT601
        matrix = BT2020 if transfer in (PQ, HLG) else guess
    name = frame.format.name
    full = frame.color_range == ColorRange.JPEG or frame.format.is_rgb or name.startswith("yuvj")
    return Colour(matrix, transfer, full)
