"""RIFE: the picture in the middle between two, for slow motion.

Paper: Huang et al., "Real-Time Intermediate Flow Estimation for Video Frame Interpolation", ECCV 2022
(arXiv:2011.06294). Three blocks, from coarse to fine, correct the flow from the middle to both pictures and a
mask that says which of them to believe. The parameters' names and the choice of scales are those of version
3.8 of the published weights (Practical-RIFE, MIT).
"""

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from server.gpu.models import state
from server.gpu.models.spynet import warp

MULTIPLE = 32
"""Sides of pictures, at the scale of the flow."""
_FASTEST = 16.0
"""Of the coarsest block: where anything moves further than so many of its pixels, all blocks look at pictures
half as large."""


class _Block(nn.Module):
    """Two pictures, a mask and a flow, at one scale, to corrections of flow and mask."""

    def __init__(self, channels: int = 90) -> None:
        super().__init__()
        half = channels // 2
        self.conv0 = nn.Sequential(_conv(11, half, 2), _conv(half, channels, 2))
        for number in range(4):
            block = nn.Sequential(_conv(channels, channels, 1), _conv(channels, channels, 1))
            self.add_module(f"convblock{number}", block)
        self.conv1, self.conv2 = (
            nn.Sequential(
                nn.ConvTranspose2d(channels, half, 4, 2, 1),
                nn.PReLU(half),
                nn.ConvTranspose2d(half, outputs, 4, 2, 1),
            )
            for outputs in (4, 1)
        )

    def forward(self, pictures: Tensor, flow: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        x = torch.cat([_scaled(pictures, 1 / scale), _scaled(flow, 1 / scale) / scale], dim=1)
        x = self.conv0(x)
        for number in range(4):
            x = cast(nn.Module, getattr(self, f"convblock{number}"))(x) + x
        return _scaled(self.conv1(x), scale) * scale, _scaled(self.conv2(x), scale)


class Rife(nn.Module):
    """`forward(first, second)`: RGB in [0, 1], both (1, 3, h, w), any size -> the picture in the middle, same
    shape and dtype, between 0 and 1. `detail`: 1, 1/2 or 1/4, how large the pictures are looked at for their
    flow."""

    def __init__(self) -> None:
        super().__init__()
        self.block0, self.block1, self.block2 = _Block(), _Block(), _Block()

    def forward(self, first: Tensor, second: Tensor, detail: float = 1.0) -> Tensor:
        height, width = first.shape[2:]
        multiple = round(MULTIPLE / detail)
        margin = (0, -width % multiple, 0, -height % multiple)
        first, second = (F.pad(each, margin, mode="replicate") for each in (first, second))
        scales = [4 / detail, 2 / detail, 1 / detail]
        flow = torch.zeros_like(torch.cat([first[:, :2], first[:, :2]], dim=1))
        mask = torch.zeros_like(first[:, :1])
        tried, _ = self.block0(torch.cat([first, second, mask], dim=1), flow, scales[0] * 2)
        if tried.abs().max() > _FASTEST * scales[0]:
            scales = [each * 2 for each in scales]
        here, there = first, second
        for block, scale in zip((self.block0, self.block1, self.block2), scales, strict=True):
            more, surer = block(torch.cat([here, there, mask], dim=1), flow, scale)
            flow, mask = flow + more, mask + surer
            here, there = (
                warp(picture, part, border=True)
                for picture, part in zip((first, second), flow.split(2, dim=1), strict=True)
            )
        share = torch.sigmoid(mask)
        return (here * share + there * (1 - share))[:, :, :height, :width].clamp(0, 1)


def build(weights: Mapping[str, Tensor]) -> Rife:
    """The net with these weights, in float32. Raises WeightsError."""
    net = Rife()
    own = {
        name.removeprefix("module."): tensor
        for name, tensor in weights.items()
        if "block_tea" not in name  # the teacher of its training
    }
    state.fill(net, own)
    return net


def _conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.PReLU(outputs))


def _scaled(x: Tensor, factor: float) -> Tensor:
    if math.isclose(factor, 1.0):
        return x
    return F.interpolate(
        x, scale_factor=factor, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )
