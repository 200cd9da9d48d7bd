"""Kit colours: a histogram of what a player wears on the upper half of the body.

`BINS` numbers per player: for 8 hues a dark and a bright bin, and 4 bins of grey from black to white. A pixel
counts as hue by its saturation and as grey by the rest, so that white shirts under a blue sky are told from
blue ones; and it is shared between neighbouring bins, so that a little more light moves little between
them. Where a player has no pixels, all bins are 0.

`web/shaders/detect_kit.wgsl` does the same on the GPU and is held to this."""

import numpy as np
from numpy.typing import NDArray

from pycore.tracking.types import Floats

HUES = 8
GREYS = 4
BINS = 2 * HUES + GREYS
TORSO = (0.25, 0.15, 0.75, 0.55)
"""Left, top, right and bottom of what is looked at, as shares of the box."""
UNITS = 1024
"""A pixel's shares are counted in whole units, so that their order of summing does not matter."""


def shares(rgb: NDArray[np.floating]) -> Floats:
    """How much each pixel (N, 3), RGB 0 to 1, adds to each bin: (N, BINS), rows sum to about UNITS."""
    rgb = np.clip(np.asarray(rgb, np.float64), 0, 1)
    value, least = rgb.max(axis=1), rgb.min(axis=1)
    chroma = value - least
    safe = np.maximum(chroma, 1e-6)
    red, green, blue = rgb.T
    sextant = np.where(
        value == red,
        (green - blue) / safe,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = sextant / 6 * HUES % HUES
    # Colour is not to be told in near-black and near-grey; and what is pale is white in coloured light.
    saturation = chroma / np.maximum(value, 1e-6)
    colourful = np.clip(np.minimum((chroma - 0.08) / 0.17, (saturation - 0.2) / 0.5), 0, 1)
    bright = np.clip((value - 0.35) / 0.3, 0, 1)
    rows = np.arange(len(rgb))
    result = np.zeros((len(rgb), BINS))
    first = np.floor(hue).astype(int) % HUES
    part = hue - np.floor(hue)
    for bin_, share in ((first, 1 - part), ((first + 1) % HUES, part)):
        result[rows, 2 * bin_] += np.round(UNITS * colourful * share * (1 - bright))
        result[rows, 2 * bin_ + 1] += np.round(UNITS * colourful * share * bright)
    grey = rgb.mean(axis=1) * (GREYS - 1)
    first = np.minimum(np.floor(grey).astype(int), GREYS - 2)
    part = grey - first
    result[rows, 2 * HUES + first] += np.round(UNITS * (1 - colourful) * (1 - part))
    result[rows, 2 * HUES + first + 1] += np.round(UNITS * (1 - colourful) * part)
    return result


def torso(box: Floats, height: int, width: int) -> tuple[int, int, int, int]:
    """Rows and columns [top, bottom), [left, right) of a picture in which a box (x, y, width, height), in
    its pixels, shows the upper body; at least one pixel of the box's middle where that lies in the
    picture."""
    x, y, w, h = box.tolist()
    left, right = int(np.floor(x + TORSO[0] * w)), int(np.floor(x + TORSO[2] * w))
    top, bottom = int(np.floor(y + TORSO[1] * h)), int(np.floor(y + TORSO[3] * h))
    left, right = max(left, 0), min(max(right, left + 1), width)
    top, bottom = max(top, 0), min(max(bottom, top + 1), height)
    return top, bottom, left, right


def kits(picture: NDArray[np.floating], boxes: Floats) -> Floats:
    """Histograms (N, BINS), each of sum 1 or all 0, of boxes (N, 4) in a picture (3, H, W) of RGB 0 to 1,
    boxes in its pixels."""
    result = np.zeros((len(boxes), BINS))
    for row, box in enumerate(np.asarray(boxes, np.float64)):
        top, bottom, left, right = torso(box, *picture.shape[1:])
        if top >= bottom or left >= right:
            continue
        pixels = picture[:, top:bottom, left:right].reshape(3, -1).T
        total = shares(pixels).sum(axis=0)
        result[row] = total / max(total.sum(), 1)
    return result


def color_of(kit: Floats) -> str:
    """The colour that a histogram (BINS,) speaks of most, "#rrggbb"; "" for an empty one.

    Grass is left out unless there is nothing else: every box has some of it."""
    weights = np.asarray(kit, np.float64).copy()
    if weights.sum() <= 0:
        return ""
    grass = [2 * hue + bright for hue in (2, 3) for bright in (0, 1)]
    others = weights.copy()
    others[grass] = 0
    if others.sum() > 0.15 * weights.sum():
        weights = others
    strongest = int(weights.argmax())
    if strongest >= 2 * HUES:
        level = (strongest - 2 * HUES) / (GREYS - 1)
        return _hex((level, level, level))
    hue, bright = divmod(strongest, 2)
    # Between the bin and its stronger neighbour, by their weights.
    around = weights[: 2 * HUES].reshape(HUES, 2).sum(axis=1)
    before, after = around[(hue - 1) % HUES], around[(hue + 1) % HUES]
    total = around[hue] + before + after
    exact = (hue + (after - before) / total) / HUES * 6 % 6
    top = 0.92 if bright else 0.5
    low = 0.2 * top
    middle = low + (top - low) * (1 - abs(exact % 2 - 1))
    sextant = int(exact)
    return _hex(
        (
            (top, middle, low),
            (middle, top, low),
            (low, top, middle),
            (low, middle, top),
            (middle, low, top),
            (top, low, middle),
        )[sextant]
    )


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * each):02x}" for each in rgb)
