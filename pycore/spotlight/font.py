"""The font that names are written in, and text set in it: as distances, so that it is sharp at every size and
the same in the browser and on the server. Made by server/training/font.py."""

import unicodedata
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pycore.tracking.types import Floats

FILE = Path(__file__).with_name("roboto_bold.npz")
SPREAD = 4
"""Pixels to either side of an outline over which a letter's picture tells the distance."""

LONGEST = 40
"""Characters of a name; what is longer is cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Font:
    """Letters of one height below each other: codes (n,), the first stands for all that is missing; advances
    (n,) and widths (n,) in pixels; pixels: the letters' pictures (height, width) one after the other, uint8,
    128 on the outline. `baseline` is a row, `capital` the height of an H."""

    codes: NDArray[np.uint32]
    advances: NDArray[np.float32]
    widths: NDArray[np.uint16]
    pixels: NDArray[np.uint8]
    baseline: float
    capital: float
    height: int

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **{each.name: getattr(self, each.name) for each in fields(self)})

    def letter(self, number: int) -> NDArray[np.uint8]:
        """(height, width)"""
        start = int(self.widths[:number].sum()) * self.height
        width = int(self.widths[number])
        return self.pixels[start : start + width * self.height].reshape(self.height, width)

    def number(self, char: str) -> int:
        """The letter for a character; where there is none, that without its accents."""
        for each in (char, unicodedata.normalize("NFKD", char)[:1]):
            found = np.flatnonzero(self.codes == ord(each))
            if len(found):
                return int(found[0])
        return 0


@cache
def font() -> Font:
    with np.load(FILE) as file:
        whole = {name: file[name] for name in file.files}
    return Font(
        whole["codes"],
        whole["advances"],
        whole["widths"],
        whole["pixels"],
        float(whole["baseline"]),
        float(whole["capital"]),
        int(whole["height"]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A line of text: (h, w) float32, how far inside of the letters, in its own pixels, up to SPREAD,
    negative outside. `baseline` is a row, `capital` the height of an H."""

    distances: NDArray[np.float32]
    baseline: float
    capital: float


@cache
def set_text(text: str) -> Text | None:
    """`text` in the font; None for what has nothing to see."""
    cleaned = " ".join("".join(char if char.isprintable() else " " for char in text).split())[:LONGEST]
    cleaned = unicodedata.normalize("NFC", cleaned)
    if not cleaned:
        return None
    made = font()
    numbers = [made.number(char) for char in cleaned]
    starts = np.concatenate([[0.0], np.cumsum(made.advances[numbers])])
    line = np.zeros((made.height, int(np.ceil(starts[-1])) + 2 * SPREAD + 1), np.float32)
    for number, start in zip(numbers, starts, strict=False):
        letter = made.letter(number).astype(np.float32)
        whole, part = int(start), float(start % 1)
        shifted = np.zeros((made.height, letter.shape[1] + 1), np.float32)
        shifted[:, :-1] += (1 - part) * letter
        shifted[:, 1:] += part * letter
        place = line[:, whole : whole + shifted.shape[1]]
        np.maximum(place, shifted[:, : place.shape[1]], out=place)
    return Text(((line - 128) / 127 * SPREAD).astype(np.float32), made.baseline, made.capital)


def sampled(text: Text, x: Floats, y: Floats) -> Floats:
    """The distances at places in the line's pixels (x from its left, y from its top), between pixel centres
    linearly, outside as at the edge."""
    distances = text.distances.astype(np.float64)
    height, width = distances.shape
    x, y = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = x - left, y - top
    upper = distances[top, left] * (1 - across) + distances[top, right] * across
    lower = distances[below, left] * (1 - across) + distances[below, right] * across
    return upper * (1 - down) + lower * down
