"""A moving crop cut out of the upscaled window between pixels, as web/shaders/place.wgsl does it in the
preview; and smaller too, then with the filter as wide as that asks for."""

import math

import numpy as np
import torch
from torch import Tensor

from pycore.framing.placing import Window
from pycore.protocol import Rect, Size


def placed(picture: Tensor, window: Window, crop: Rect, size: Size) -> Tensor:
    """picture: (1, 3, h, w) of the window, at any scale. (1, 3, size.height, size.width) of the crop, clamped
    to 0 to 1. Keys' cubic (a = -1/2), stretched where the picture is reduced; edges repeat."""
    rows, columns = picture.shape[2:]
    down, across = rows / window.height, columns / window.width
    picture = _along(picture, 2, (crop.y - window.y) * down, crop.height * down / size.height, size.height)
    picture = _along(picture, 3, (crop.x - window.x) * across, crop.width * across / size.width, size.width)
    return picture.clamp(0.0, 1.0)


def _along(picture: Tensor, axis: int, offset: float, step: float, count: int) -> Tensor:
    """Resampled along one axis: sample i is centred at offset + (i + 1/2) step, in pixels from the edge."""
    index, weight = taps(offset, step, count, picture.shape[axis])
    sources = torch.from_numpy(np.ascontiguousarray(index.T)).to(picture.device)
    shares = torch.from_numpy(np.ascontiguousarray(weight.T)).to(picture.device, picture.dtype)
    result: Tensor | None = None
    shape = [1, 1, 1, 1]
    shape[axis] = count
    for source, share in zip(sources, shares, strict=True):
        term = picture.index_select(axis, source) * share.view(shape)
        result = term if result is None else result + term
    assert result is not None
    return result


def taps(offset: float, step: float, count: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, K) which samples of `length` each of `count` is made of, and with which weights."""
    wide = max(step, 1.0)
    centres = offset + (np.arange(count) + 0.5) * step - 0.5
    number = 2 * math.ceil(2 * wide)
    index = np.floor(centres)[:, None] + np.arange(1 - number // 2, number // 2 + 1)
    away = np.abs(index - centres[:, None]) / wide
    near = 1.5 * away**3 - 2.5 * away**2 + 1
    far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    weight = np.where(away < 1, near, np.where(away < 2, far, 0.0))
    weight /= weight.sum(axis=1, keepdims=True)
    return index.clip(0, length - 1).astype(np.int64), weight
