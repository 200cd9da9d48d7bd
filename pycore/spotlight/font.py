"""The font that names are written in, and text set in it: as distances, so that it is sharp at every size and
the same in the browser and on the server. Made by server/training/font.py. Without numpy: the preview does
not wait for that."""

import struct
import sys
import unicodedata
import zlib
from array import array
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import ceil
from pathlib import Path

FILE = Path(__file__).with_name("roboto_bold.font")
SPREAD = 4
"""Pixels to either side of an outline over which a letter's picture tells the distance."""

LONGEST = 40
"""Characters of a name; what is longer is cut."""

_HEAD = struct.Struct("<2I2f")


@dataclass(frozen=True, slots=True)
class Font:
    """Letters of one height: their `codes`, of which the first stands for all that is missing, `advances` and
    `widths` in pixels, and pictures (height, width) one after the other in `pixels`: 128 on the outline, more
    inside, 0 and 255 SPREAD away. `baseline` is a row, `capital` the height of an H."""

    codes: list[int]
    advances: list[float]
    widths: list[int]
    pixels: bytes
    height: int
    baseline: float
    capital: float

    def packed(self) -> bytes:
        """The file: little-endian numbers, deflated."""
        count = len(self.codes)
        head = _HEAD.pack(count, self.height, self.baseline, self.capital)
        tables = struct.pack(f"<{count}I{count}f{count}H", *self.codes, *self.advances, *self.widths)
        return zlib.compress(head + tables + self.pixels, 9)


def unpacked(data: bytes) -> Font:
    data = zlib.decompress(data)
    count, height, baseline, capital = _HEAD.unpack_from(data)
    tables = struct.Struct(f"<{count}I{count}f{count}H")
    numbers = tables.unpack_from(data, _HEAD.size)
    return Font(
        codes=list(numbers[:count]),
        advances=list(numbers[count : 2 * count]),
        widths=list(numbers[2 * count :]),
        pixels=data[_HEAD.size + tables.size :],
        height=height,
        baseline=baseline,
        capital=capital,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A line of text. distances: `height` rows of `width` float32: how far inside of the letters, in its own
    pixels, up to SPREAD, negative outside. `baseline` is a row, `capital` the height of an H."""

    distances: bytes
    width: int
    height: int
    baseline: float
    capital: float


@dataclass(frozen=True, slots=True)
class _Face:
    font: Font
    numbers: dict[int, int]
    starts: list[int]


@cache
def _face() -> _Face:
    font = unpacked(FILE.read_bytes())
    starts = list(accumulate((width * font.height for width in font.widths), initial=0))
    return _Face(font, {code: number for number, code in enumerate(font.codes)}, starts)


@cache
def set_text(text: str) -> Text | None:
    """`text` in the font, a character that it lacks without its accents; None for what has nothing to see."""
    cleaned = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    cleaned = unicodedata.normalize("NFC", cleaned)[:LONGEST]
    if not cleaned:
        return None
    face = _face()
    font = face.font
    numbers = [_number(face, char) for char in cleaned]
    pens = list(accumulate((font.advances[number] for number in numbers), initial=0.0))
    width = ceil(pens[-1]) + 2 * SPREAD + 1
    line = array("f", bytes(4 * width * font.height))
    for number, pen in zip(numbers, pens, strict=False):
        _stamp(line, width, face, number, pen)
    told = array("f", ((value - 128) / 127 * SPREAD for value in line))
    if sys.byteorder == "big":
        told.byteswap()
    return Text(told.tobytes(), width, font.height, font.baseline, font.capital)


def _number(face: _Face, char: str) -> int:
    plain = unicodedata.normalize("NFKD", char)[0]
    return face.numbers.get(ord(char), face.numbers.get(ord(plain), 0))


def _stamp(line: "array[float]", width: int, face: _Face, number: int, pen: float) -> None:
    """The letter's picture at `pen`, between pixels linearly; letters beside each other join."""
    font, wide = face.font, face.font.widths[number]
    left, part = int(pen), pen % 1
    for row in range(font.height):
        start = face.starts[number] + row * wide
        before = 0.0
        at = row * width + left
        for value in (*font.pixels[start : start + wide], 0):
            mixed = (1 - part) * value + part * before
            if left + wide < width or at < (row + 1) * width:
                line[at] = max(line[at], mixed)
            before = value
            at += 1
