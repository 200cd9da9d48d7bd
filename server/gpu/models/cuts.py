"""Where a new scene begins: between two frames of which the flow explains next to nothing."""

import torch
from torch import Tensor
from torch.nn import functional as F

from server.gpu.models.spynet import SpyNet, warp

SIDE = 128
"""Pictures are looked at with their longer side reduced to this: cheap, and blind to grain."""
BATCH = 32
"""Pairs at once."""
UNEXPLAINED = 0.5
"""Of what distinguishes a frame from a plain surface, the share that the flow must leave over. On three clips
of sport it left up to 0.18 from one frame to the next, and 1.2 or more across to another scene."""
VISIBLE = 0.02
"""Less than this, on average, is no new scene: a fade out of black begins in black."""


def find(spynet: SpyNet, frames: Tensor) -> frozenset[int]:
    """The numbers of the frames that begin a new scene. `frames`: uint8 RGB (t, h, w, 3). A frame counts by
    itself and the one before alone, so it counts the same in every window."""
    if len(frames) < 2:
        return frozenset()
    left, distinct = leftover(spynet, frames[:-1], frames[1:])
    found = left > (UNEXPLAINED * distinct).clamp(min=VISIBLE)
    return frozenset(number + 1 for number, cut in enumerate(found.tolist()) if cut)


def leftover(spynet: SpyNet, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """For each pair of frames (n, h, w, 3): what the flow leaves unexplained of the second, and what there is
    to explain, both float32 (n,), as mean absolute differences of RGB in [0, 1]."""
    first, second = _small(first), _small(second)
    dtype = next(spynet.parameters()).dtype
    left = [
        (warp(before, spynet(after.to(dtype), before.to(dtype)), border=True) - after).abs().mean((1, 2, 3))
        for before, after in zip(first.split(BATCH), second.split(BATCH), strict=True)
    ]
    return torch.cat(left), (second - second.mean((2, 3), keepdim=True)).abs().mean((1, 2, 3))


def _small(frames: Tensor) -> Tensor:
    height, width = frames.shape[1:3]
    shrink = min(SIDE / max(height, width), 1.0)
    size = (max(round(height * shrink), 8), max(round(width * shrink), 8))
    pictures = frames.permute(0, 3, 1, 2).to(torch.float32) / 255
    return F.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)
