"""Which whole pixels are upscaled for a crop that lies between pixels, and where it lies in them. Preview and
export both place a moving crop by this, so they show the same."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pycore.protocol import Rect, Size

MARGIN = 4
"""Source pixels around the crop that a window has, so that filters at its edge see the picture."""


@dataclass(frozen=True, slots=True)
class Window:
    """Whole source pixels, inside the picture."""

    x: int
    y: int
    width: int
    height: int


def window_size(crops: Iterable[Rect], picture: Size) -> Size:
    """The size that a window needs to hold any of these crops, wherever it lies between pixels."""
    sizes = [(crop.width, crop.height) for crop in crops]
    width = math.ceil(max(size[0] for size in sizes)) + 1 + 2 * MARGIN
    height = math.ceil(max(size[1] for size in sizes)) + 1 + 2 * MARGIN
    return Size(min(width, picture.width), min(height, picture.height))


def window_at(crop: Rect, size: Size, picture: Size) -> Window:
    """The window of that size around the crop, as nearly in its middle as whole pixels and the picture
    allow."""

    def start(place: float, side: float, window: int, most: int) -> int:
        wanted = math.floor(place + side / 2 - window / 2 + 0.5)
        return min(max(wanted, 0), most - window)

    return Window(
        start(crop.x, crop.width, size.width, picture.width),
        start(crop.y, crop.height, size.height, picture.height),
        size.width,
        size.height,
    )


def shaped(crop: Rect, picture: Size, shape: float, tolerance: float = 0.01) -> Rect:
    """The crop narrowed around its centre to that width / height, where it is further off than `tolerance`,
    and inside the picture."""
    width, height = crop.width, crop.height
    if abs(width / height / shape - 1) > tolerance:
        width, height = min(width, height * shape), min(height, width / shape)
    x, y = crop.x + (crop.width - width) / 2, crop.y + (crop.height - height) / 2
    width, height = min(width, picture.width), min(height, picture.height)
    return Rect(
        min(max(x, 0.0), picture.width - width), min(max(y, 0.0), picture.height - height), width, height
    )
