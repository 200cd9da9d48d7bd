"""From the net's picture to the encoder's: scale to the asked size, RGB to Y'CbCr. All on the net's device,
in float32."""

import torch
from torch import Tensor
from torch.nn import functional as F

from pycore.protocol import Size

_KR, _KB = 0.2126, 0.0722  # BT.709


def resize(picture: Tensor, size: Size) -> Tensor:
    """(1, 3, h, w) -> (1, 3, size.height, size.width) by an antialiased bicubic filter (a = -1/2), pixel
    centres aligned, clamped to [0, 1]."""
    if picture.shape[2:] != (size.height, size.width):
        picture = F.interpolate(
            picture, (size.height, size.width), mode="bicubic", antialias=True, align_corners=False
        )
    return picture.clamp(0.0, 1.0)


def to_yuv420(rgb: Tensor) -> Tensor:
    """RGB in [0, 1], (1, 3, h, w), even sides -> uint8 (h * 3 / 2, w): the planes Y, Cb, Cr of BT.709,
    limited range, below each other as FFmpeg's yuv420p. Chroma lies where H.264 puts it unless told: on the
    left column of each pair, between its two rows."""
    red, green, blue = rgb[0]
    luma = _KR * red + (1 - _KR - _KB) * green + _KB * blue
    chroma = torch.stack([(blue - luma) / (2 - 2 * _KB), (red - luma) / (2 - 2 * _KR)])
    rows = (chroma[:, 0::2] + chroma[:, 1::2]) / 2
    padded = F.pad(rows, (1, 0), mode="replicate")
    chroma = (padded[:, :, :-1:2] + 2 * rows[:, :, 0::2] + rows[:, :, 1::2]) / 4
    height, width = luma.shape
    planes = [16 + 219 * luma, (128 + 224 * chroma).reshape(height // 2, width)]
    return torch.cat([plane.round().to(torch.uint8) for plane in planes])
