"""The spotlight drawn in numpy: the definition that web/shaders/spotlight.wgsl and server/gpu/spotlight.py
are held to. Edges are as wide as a pixel: coverage is 1/2 on an outline and changes by 1 over one pixel."""

import numpy as np

from pycore.protocol import Rect
from pycore.spotlight.font import Text
from pycore.spotlight.mark import Mark
from pycore.tracking.types import Floats

_PLATE = np.array([0.04, 0.05, 0.07])


def draw(rgb: Floats, crop: Rect, mark: Mark) -> Floats:
    """rgb: (h, w, 3) gamma-coded, 0 to 1, of the crop. The same with the mark on it."""
    height, width, _ = rgb.shape
    pixel = crop.width / width, crop.height / height  # display pixels
    x = ((np.arange(width) + 0.5) * pixel[0])[None, :]
    y = ((np.arange(height) + 0.5) * pixel[1])[:, None]
    fine = (pixel[0] + pixel[1]) / 2
    color = np.array(mark.color)
    match mark.style:
        case 1:
            rgb = _over(rgb, color, _ring(x, y, fine, mark) * mark.opacity)
        case 2:
            rgb = rgb * (1 - 0.62 * mark.opacity * _away(x, y, mark))[..., None]
        case 3:
            inner, outer = _arrow(x, y, fine, mark)
            rgb = _over(rgb, _PLATE, 0.8 * outer * mark.opacity)
            rgb = _over(rgb, color, inner * mark.opacity)
        case _:
            pass
    if mark.line is not None:
        plate, bar, letters = _label(x, y, fine, mark)
        rgb = _over(rgb, _PLATE, 0.72 * plate * mark.opacity)
        rgb = _over(rgb, color, bar * mark.opacity)
        rgb = _over(rgb, np.ones(3), letters * mark.opacity)
    return rgb


def _over(rgb: Floats, color: Floats, alpha: Floats) -> Floats:
    return rgb + (color - rgb) * alpha[..., None]


def _cover(distance: Floats, fine: float) -> Floats:
    """Share of a pixel inside, from the distance to the outline (negative inside)."""
    return np.clip(0.5 - distance / fine, 0.0, 1.0)


def _ring(x: Floats, y: Floats, fine: float, mark: Mark) -> Floats:
    """On the ground around the feet, behind the legs."""
    across, along = 0.36 * mark.height, 0.115 * mark.height
    dx, dy = x - mark.feet[0], y - mark.feet[1]
    radius = np.hypot(dx / across, dy / along)
    steep = np.hypot(dx / across**2, dy / along**2) / np.maximum(radius, 1e-6)
    distance = (radius - 1) / np.maximum(steep, 1e-6)
    band = _cover(np.abs(distance) - 0.02 * mark.height, fine)
    glow = np.where(radius < 1, 0.12 + 0.2 * radius**4, 0.0)
    legs = np.clip((0.17 * mark.height - np.abs(dx)) / (0.05 * mark.height), 0, 1)
    legs = legs * np.clip(0.5 - dy / (0.04 * mark.height), 0, 1)
    return np.maximum(band, glow) * (1 - legs)


def _away(x: Floats, y: Floats, mark: Mark) -> Floats:
    """0 at the player, 1 away from them."""
    radius = np.hypot(
        (x - mark.centre[0]) / (0.55 * mark.height), (y - mark.centre[1]) / (0.75 * mark.height)
    )
    share = np.clip((radius - 0.9) / 0.5, 0, 1)
    return share * share * (3 - 2 * share)


def _arrow(x: Floats, y: Floats, fine: float, mark: Mark) -> tuple[Floats, Floats]:
    """A triangle that points down, and the same with a rim."""
    tall, half = 0.2 * mark.height, 0.13 * mark.height
    long = np.hypot(tall, half)
    dx, dy = np.abs(x - mark.tip[0]), y - mark.tip[1]
    side = (dx * tall + dy * half) / long  # from the slanted sides
    distance = np.maximum(side, -dy - tall)
    return _cover(distance, fine), _cover(distance - 0.018 * mark.height, fine)


def _label(x: Floats, y: Floats, fine: float, mark: Mark) -> tuple[Floats, Floats, Floats]:
    """The plate, the bar at its foot and the letters."""
    assert mark.line is not None
    left, top, width, height = mark.plate
    round_ = 0.35 * mark.capital
    dx = np.abs(x - left - width / 2) - width / 2 + round_
    dy = np.abs(y - top - height / 2) - height / 2 + round_
    distance = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - round_
    plate = _cover(distance, fine)
    bar = plate * _cover(top + height - 0.16 * mark.capital - y, fine)
    u, v = np.broadcast_arrays((x - mark.start[0]) / mark.letter, (y - mark.start[1]) / mark.letter)
    rows, columns = mark.line.height, mark.line.width
    inside = (u >= 0) & (u <= columns) & (v >= 0) & (v <= rows)
    letters = _cover(-_sampled(mark.line, u, v) * mark.letter, fine)
    return plate, bar, np.where(inside, letters, 0.0)


def _sampled(text: Text, x: Floats, y: Floats) -> Floats:
    """The distances at places in the line's pixels (x from its left, y from its top), between pixel centres
    linearly, outside as at the edge."""
    height, width = text.height, text.width
    distances = np.frombuffer(text.distances, "<f4").reshape(height, width).astype(np.float64)
    x, y = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = x - left, y - top
    upper = distances[top, left] * (1 - across) + distances[top, right] * across
    lower = distances[below, left] * (1 - across) + distances[below, right] * across
    return upper * (1 - down) + lower * down
