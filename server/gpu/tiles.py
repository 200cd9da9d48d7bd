"""Cutting a picture into overlapping tiles that go through a net one at a time. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tile:
    """`left, top, right, bottom`: what goes in, in input pixels. `inner_*`: the part of it whose result is
    kept; the inner parts of all tiles cover the picture once."""

    left: int
    top: int
    right: int
    bottom: int
    inner_left: int
    inner_top: int
    inner_right: int
    inner_bottom: int


def tiles(width: int, height: int, limit: int, overlap: int) -> list[Tile]:
    """Tiles of at most about `limit` input pixels, row by row. `overlap`: input pixels around each inner
    part, at least the net's radius, so that the seams do not show. One tile if the picture is small
    enough."""
    if width * height <= limit:
        return [Tile(0, 0, width, height, 0, 0, width, height)]
    side = max(math.isqrt(limit) - 2 * overlap, 16)
    columns, rows = math.ceil(width / side), math.ceil(height / side)
    found = []
    for row in range(rows):
        top, bottom = height * row // rows, height * (row + 1) // rows
        for column in range(columns):
            left, right = width * column // columns, width * (column + 1) // columns
            found.append(
                Tile(
                    max(left - overlap, 0),
                    max(top - overlap, 0),
                    min(right + overlap, width),
                    min(bottom + overlap, height),
                    left,
                    top,
                    right,
                    bottom,
                )
            )
    return found
