"""Makes the font that names are written in: `python -m server.training.font Roboto-Bold.ttf`.

Signed distances instead of pixels (Green, "Improved alpha-tested magnification for vector textures and
special effects", SIGGRAPH 2007 courses), so that one small picture per letter is sharp at every size; browser
and server read the same bytes and so draw the same text. The file shipped was made of Roboto-Bold 2.137
(Apache-2.0) out of PyPI's font-roboto 0.0.1.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pycore.spotlight.font import FILE, SPREAD, Font

_EM = 32
_FINER = 8
"""Letters are drawn so many times larger for the distances to be exact."""

_RANGES = (
    (0x20, 0x7E),  # Latin
    (0xA0, 0x17F),
    (0x218, 0x21B),  # Romanian
    (0x384, 0x3CE),  # Greek
    (0x400, 0x45F),  # Cyrillic
    (0x490, 0x491),
    (0x1E80, 0x1E85),
    (0x1EA0, 0x1EF9),  # Vietnamese
    (0x2010, 0x2026),
    (0x20AC, 0x20AC),
)


def made(path: Path) -> Font:
    """The font of a TrueType file, as far as it has the letters."""
    face = ImageFont.truetype(str(path), _EM * _FINER, layout_engine=ImageFont.Layout.BASIC)
    ascent, descent = face.getmetrics()
    height = -(-(ascent + descent) // _FINER)
    missing = _distances(face, "\uffff", height)
    codes, advances, pictures = [0], [face.getlength("\uffff") / _FINER], [missing]
    for first, last in _RANGES:
        for code in range(first, last + 1):
            picture = _distances(face, chr(code), height)
            if code != 0xFFFF and picture.shape == missing.shape and (picture == missing).all():
                continue
            codes.append(code)
            advances.append(face.getlength(chr(code)) / _FINER)
            pictures.append(picture)
    capital = face.getbbox("H", anchor="ls")
    return Font(
        codes=codes,
        advances=advances,
        widths=[picture.shape[1] for picture in pictures],
        pixels=b"".join(picture.tobytes() for picture in pictures),
        height=height + 2 * SPREAD,
        baseline=ascent / _FINER + SPREAD,
        capital=-capital[1] / _FINER,
    )


def _distances(face: ImageFont.FreeTypeFont, text: str, height: int) -> np.ndarray:
    """(height + 2 SPREAD, advance + 2 SPREAD) uint8: 128 on the outline, more inside, 0 and 255 SPREAD
    away."""
    width = max(-(-round(face.getlength(text)) // _FINER), 1) + 2 * SPREAD
    large = Image.new("L", (width * _FINER, (height + 2 * SPREAD) * _FINER))
    corner = SPREAD * _FINER
    ImageDraw.Draw(large).text((corner, corner + face.getmetrics()[0]), text, 255, face, anchor="ls")
    inside = np.asarray(large) >= 128
    signed = _to_nearest(~inside) - _to_nearest(inside)
    middles = signed.reshape(height + 2 * SPREAD, _FINER, width, _FINER).mean(axis=(1, 3)) / _FINER
    return np.clip(np.rint(128 + middles / SPREAD * 127), 0, 255).astype(np.uint8)


def _to_nearest(marked: np.ndarray) -> np.ndarray:
    """Each pixel's distance to the nearest marked one, up to what counts; rows first, then columns."""
    far = (SPREAD + 2) * _FINER
    if not marked.any():
        return np.full(marked.shape, float(far))
    index = np.arange(marked.shape[1])
    left = np.maximum.accumulate(np.where(marked, index, -far * 2), axis=1)
    right = np.minimum.accumulate(np.where(marked, index, far * 4 + len(index))[:, ::-1], axis=1)[:, ::-1]
    along = np.minimum(index - left, right - index).clip(0, far).astype(np.float64) ** 2
    best = along.copy()
    for down in range(1, far):
        best[down:] = np.minimum(best[down:], along[:-down] + down**2)
        best[:-down] = np.minimum(best[:-down], along[down:] + down**2)
    return np.sqrt(best).clip(0, far)


if __name__ == "__main__":
    FILE.write_bytes(made(Path(sys.argv[1])).packed())
