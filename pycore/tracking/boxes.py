"""Overlaps of boxes (x, y, width, height)."""

import numpy as np

from pycore.tracking.types import Floats


def overlap(first: Floats, second: Floats, expand: float = 0.0) -> Floats:
    """Intersection over union of (N, 4) with (M, 4): (N, M). `expand` first widens every box on each side
    by that share of its width and height, so that players who moved by less than a body still overlap
    (C-BIoU)."""
    a, b = first[:, None, :], second[None, :, :]
    grown = 1 + 2 * expand
    size_a, size_b = a[..., 2:] * grown, b[..., 2:] * grown
    # Measured between centres, so that growing does not move anything.
    apart = np.abs((a[..., :2] + a[..., 2:] / 2) - (b[..., :2] + b[..., 2:] / 2))
    common = np.clip(np.minimum((size_a + size_b) / 2 - apart, np.minimum(size_a, size_b)), 0, None)
    intersection = common[..., 0] * common[..., 1]
    union = size_a[..., 0] * size_a[..., 1] + size_b[..., 0] * size_b[..., 1] - intersection
    return intersection / np.maximum(union, 1e-12)
