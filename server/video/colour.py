"""What a frame's samples mean: from FFmpeg's tags, and where they say nothing, what players assume."""

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from pycore.protocol import Size
from server.video.picture import Colour

# Correctly rounded, the same on every processor, with chroma interpolated to full resolution.
SCALING = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
BT709, UNSPECIFIED, BT601, BT2020 = 1, 2, 6, 9
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


def scaler_matrix(matrix: int) -> Colorspace:
    """swscale's number of a matrix of H.273."""
    return _MATRICES[matrix]


def colour_of(frame: VideoFrame, square: Size) -> Colour:
    """The frame's own matrix and range; where it tells none, what players assume: BT.709 from 720 lines on,
    BT.601 below; limited range; chroma on the left, halfway down."""
    guess = BT709 if min(square.width, square.height) >= HD_LINES else BT601
    matrix = int(frame.colorspace)
    transfer = int(frame.color_trc)
    known = matrix in _MATRICES
    if transfer in (16, 18) and not known:
        matrix, known = BT2020, True
    name = frame.format.name
    bits = max((component.bits for component in frame.format.components), default=8)
    full = frame.color_range == ColorRange.JPEG or frame.format.is_rgb or name.startswith("yuvj")
    across, down = (2 if "420" in name or "422" in name else 1), (2 if "420" in name else 1)
    return Colour(
        matrix=matrix if known else guess,
        transfer=transfer,
        primaries=int(frame.color_primaries),
        full=full,
        bits=bits if bits > 8 else 8,
        across=across,
        down=down,
        left=not name.startswith("yuvj420"),
        top=down == 1,
    )
