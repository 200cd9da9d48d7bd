"""Boxes and sizes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Rect:
    """A box in display pixels (after rotation and pixel aspect), origin top left. Sub-pixel values are
    allowed."""

    x: float
    y: float
    width: float
    height: float
