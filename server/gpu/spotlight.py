"""The spotlight on the net's device: pycore/spotlight/drawing.py is its definition."""

import numpy as np
import torch
from torch import Tensor

from pycore.protocol import Rect
from pycore.spotlight.mark import Mark

_PLATE = (0.04, 0.05, 0.07)


def draw(rgb: Tensor, crop: Rect, mark: Mark) -> Tensor:
    """rgb: (1, 3, h, w) gamma-coded, 0 to 1, of the crop. The same with the mark on it."""
    height, width = rgb.shape[2:]
    pixel = crop.width / width, crop.height / height
    x = ((torch.arange(width, device=rgb.device, dtype=rgb.dtype) + 0.5) * pixel[0])[None, :]
    y = ((torch.arange(height, device=rgb.device, dtype=rgb.dtype) + 0.5) * pixel[1])[:, None]
    fine = (pixel[0] + pixel[1]) / 2
    match mark.style:
        case 1:
            rgb = _over(rgb, mark.color, _ring(x, y, fine, mark) * mark.opacity)
        case 2:
            rgb = rgb * (1 - 0.62 * mark.opacity * _away(x, y, mark))
        case 3:
            distance = _arrow(x, y, mark)
            rgb = _over(rgb, _PLATE, 0.8 * mark.opacity * _cover(distance - 0.018 * mark.height, fine))
            rgb = _over(rgb, mark.color, mark.opacity * _cover(distance, fine))
        case _:
            pass
    return _named(rgb, x, y, fine, mark) if mark.line is not None else rgb


def _over(rgb: Tensor, color: tuple[float, float, float], alpha: Tensor) -> Tensor:
    wanted = torch.tensor(color, device=rgb.device, dtype=rgb.dtype).view(1, 3, 1, 1)
    return rgb + (wanted - rgb) * alpha


def _cover(distance: Tensor, fine: float) -> Tensor:
    return (0.5 - distance / fine).clamp(0.0, 1.0)


def _ring(x: Tensor, y: Tensor, fine: float, mark: Mark) -> Tensor:
    across, along = 0.36 * mark.height, 0.115 * mark.height
    dx, dy = x - mark.feet[0], y - mark.feet[1]
    radius = torch.hypot(dx / across, dy / along)
    steep = torch.hypot(dx / across**2, dy / along**2) / radius.clamp(min=1e-6)
    distance = (radius - 1) / steep.clamp(min=1e-6)
    band = _cover(distance.abs() - 0.02 * mark.height, fine)
    glow = torch.where(radius < 1, 0.12 + 0.2 * radius**4, 0.0)
    legs = ((0.17 * mark.height - dx.abs()) / (0.05 * mark.height)).clamp(0, 1)
    legs = legs * (0.5 - dy / (0.04 * mark.height)).clamp(0, 1)
    return torch.maximum(band, glow) * (1 - legs)


def _away(x: Tensor, y: Tensor, mark: Mark) -> Tensor:
    across, along = 0.55 * mark.height, 0.75 * mark.height
    radius = torch.hypot((x - mark.centre[0]) / across, (y - mark.centre[1]) / along)
    share = ((radius - 0.9) / 0.5).clamp(0, 1)
    return share * share * (3 - 2 * share)


def _arrow(x: Tensor, y: Tensor, mark: Mark) -> Tensor:
    tall, half = 0.2 * mark.height, 0.13 * mark.height
    long = (tall**2 + half**2) ** 0.5
    dx, dy = (x - mark.tip[0]).abs(), y - mark.tip[1]
    return torch.maximum((dx * tall + dy * half) / long, -dy - tall)


def _named(rgb: Tensor, x: Tensor, y: Tensor, fine: float, mark: Mark) -> Tensor:
    left, top, width, height = mark.plate
    corner = 0.35 * mark.capital
    dx = (x - left - width / 2).abs() - width / 2 + corner
    dy = (y - top - height / 2).abs() - height / 2 + corner
    outside = torch.hypot(dx.clamp(min=0), dy.clamp(min=0))
    plate = _cover(outside + torch.maximum(dx, dy).clamp(max=0) - corner, fine)
    bar = plate * _cover(top + height - 0.16 * mark.capital - y, fine)
    rgb = _over(rgb, _PLATE, 0.72 * plate * mark.opacity)
    rgb = _over(rgb, mark.color, bar * mark.opacity)
    return _over(rgb, (1.0, 1.0, 1.0), _letters(x, y, fine, mark) * mark.opacity)


def _letters(x: Tensor, y: Tensor, fine: float, mark: Mark) -> Tensor:
    assert mark.line is not None
    rows, columns = mark.line.height, mark.line.width
    read = np.frombuffer(mark.line.distances, "<f4").reshape(rows, columns).copy()
    line = torch.from_numpy(read).to(x.device, x.dtype)
    u, v = (x[0] - mark.start[0]) / mark.letter, (y[:, 0] - mark.start[1]) / mark.letter
    across, down = (u - 0.5).clamp(0, columns - 1), (v - 0.5).clamp(0, rows - 1)
    left, top = across.floor().long(), down.floor().long()
    mixed = torch.lerp(line[:, left], line[:, (left + 1).clamp(max=columns - 1)], (across - left)[None, :])
    share = (down - top)[:, None]
    inside = torch.lerp(mixed[top], mixed[(top + 1).clamp(max=rows - 1)], share)
    there = ((u >= 0) & (u <= columns))[None, :] & ((v >= 0) & (v <= rows))[:, None]
    return torch.where(there, _cover(-inside * mark.letter, fine), 0.0)
