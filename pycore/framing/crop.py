"""One crop frame in a picture: default, clamp, change of aspect, and the whole pixels that it stands for.

All functions are pure. A crop is a `Rect` in display pixels; the picture is the display size of the source.
"""

from pycore.protocol import Aspect, Rect, Size

MIN_SIDE = 16
"""Smallest side of a crop in display pixels: below it neither the scaler's support nor a codec block fits."""

SHAPE_TOLERANCE = 0.01
"""A crop whose shape differs from the output's by less is stretched (invisibly: whole pixels cannot meet
every shape)."""

_RATIOS = {Aspect.PORTRAIT: (9, 16), Aspect.SQUARE: (1, 1), Aspect.TALL: (4, 5), Aspect.WIDE: (16, 9)}


def ratio(aspect: Aspect) -> float | None:
    """width / height of an aspect; None for FREE."""
    if aspect is Aspect.FREE:
        return None
    width, height = _RATIOS[aspect]
    return width / height


def default_crop(picture: Size, aspect: Aspect) -> Rect:
    """The largest crop of that aspect, in the middle of the picture."""
    wanted = ratio(aspect) or picture.width / picture.height
    width = min(float(picture.width), picture.height * wanted)
    height = width / wanted
    return Rect((picture.width - width) / 2, (picture.height - height) / 2, width, height)


def fit(crop: Rect, picture: Size, aspect: Aspect) -> Rect:
    """The nearest valid crop: of that aspect (the crop's width leads, its centre stays), no smaller than
    MIN_SIDE where the picture allows, no larger than the picture, and inside it."""
    wanted = ratio(aspect) or max(crop.width, 1e-6) / max(crop.height, 1e-6)
    widest = min(float(picture.width), picture.height * wanted)
    narrowest = min(max(MIN_SIDE, MIN_SIDE * wanted), widest)
    width = min(max(crop.width, narrowest), widest)
    height = min(width / wanted, float(picture.height))
    x = crop.x + (crop.width - width) / 2
    y = crop.y + (crop.height - height) / 2
    return Rect(
        min(max(x, 0.0), picture.width - width), min(max(y, 0.0), picture.height - height), width, height
    )


def reshape(crop: Rect, picture: Size, aspect: Aspect) -> Rect:
    """The crop in another aspect: the centre stays, and the height as far as the picture is wide enough."""
    wanted = ratio(aspect)
    if wanted is None:
        return fit(crop, picture, aspect)
    width = crop.height * wanted
    return fit(Rect(crop.x + (crop.width - width) / 2, crop.y, width, crop.height), picture, aspect)


def is_inside(crop: Rect, picture: Size) -> bool:
    """Whether the crop has a positive area of whole pixels and lies in the picture."""
    return (
        crop.width >= 1
        and crop.height >= 1
        and crop.x >= 0
        and crop.y >= 0
        and crop.x + crop.width <= picture.width
        and crop.y + crop.height <= picture.height
    )


def snap(crop: Rect, picture: Size) -> tuple[int, int, int, int]:
    """(x, y, width, height) of the whole pixels that a crop stands for, inside the picture. Preview and
    export both read the source through this, so they show the same."""
    width = min(max(round(crop.width), 1), picture.width)
    height = min(max(round(crop.height), 1), picture.height)
    x = min(max(round(crop.x), 0), picture.width - width)
    y = min(max(round(crop.y), 0), picture.height - height)
    return x, y, width, height


def filled(crop: tuple[int, int, int, int], size: Size) -> tuple[int, int, int, int]:
    """The crop's whole pixels narrowed around their centre to an output's shape, so that nothing is distorted
    and no bars appear."""
    x, y, width, height = crop
    wanted = size.width / size.height
    if abs(width / height / wanted - 1) <= SHAPE_TOLERANCE:
        return crop
    narrow = min(width, max(1, round(height * wanted)))
    low = min(height, max(1, round(width / wanted)))
    return x + (width - narrow) // 2, y + (height - low) // 2, narrow, low
