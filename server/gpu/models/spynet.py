"""SpyNet: optical flow from coarse to fine, and warping by it.

Paper: Ranjan and Black, "Optical Flow Estimation using a Spatial Pyramid Network", CVPR 2017
(arXiv:1611.00850). Six levels; at each, five 7x7 convolutions correct the flow of the level below, given one
picture and the other warped by that flow. The parameters' names are those of the published BasicVSR weights.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 6
MULTIPLE = 2 ** (LEVELS - 1)
"""The pyramid halves both sides five times: pictures are stretched to multiples of this."""


def warp(picture: Tensor, flow: Tensor, *, border: bool = False) -> Tensor:
    """`picture` (n, c, h, w) read at each pixel's own place + `flow` (n, 2, h, w; x then y, in pixels),
    bilinearly. Places outside read zero, or the nearest edge pixel with `border`.

    The places are float32 whatever the picture's type: half precision cannot tell neighbouring pixels apart
    from 2048 on, and blurs well before.
    """
    height, width = picture.shape[2:]
    flow = flow.float()
    rows = torch.arange(height, dtype=torch.float32, device=flow.device)[:, None] + flow[:, 1]
    columns = torch.arange(width, dtype=torch.float32, device=flow.device) + flow[:, 0]
    grid = torch.stack([columns * (2 / max(width - 1, 1)) - 1, rows * (2 / max(height - 1, 1)) - 1], dim=3)
    padding = "border" if border else "zeros"
    read = F.grid_sample(picture.float(), grid, mode="bilinear", padding_mode=padding, align_corners=True)
    return read.to(picture.dtype)


class _Level(nn.Module):
    """Two pictures and a flow, (n, 8, h, w), to a correction of the flow, (n, 2, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        channels = (8, 32, 64, 32, 16, 2)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(channels):
            layers += [nn.Conv2d(inputs, outputs, 7, padding=3), nn.ReLU()]
        self.basic_module = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.basic_module(x)


class SpyNet(nn.Module):
    """`forward(first, second)`: RGB in [0, 1], both (n, 3, h, w) -> flow (n, 2, h, w), float32: x then y, in
    pixels, such that `warp(second, flow)` looks like `first`."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.basic_module = nn.ModuleList(_Level() for _ in range(LEVELS))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        height, width = first.shape[2:]
        stretched = (math.ceil(height / MULTIPLE) * MULTIPLE, math.ceil(width / MULTIPLE) * MULTIPLE)
        pyramid = self._pyramid(torch.cat([first, second]), stretched)
        flow = pyramid[-1].new_zeros((len(first), 2, *pyramid[-1].shape[2:]), dtype=torch.float32)
        for level, pictures in zip(self.basic_module, reversed(pyramid), strict=True):
            here, there = pictures.chunk(2)
            if flow.shape[2:] != here.shape[2:]:
                flow = 2 * F.interpolate(flow, here.shape[2:], mode="bilinear", align_corners=True)
            seen = warp(there, flow, border=True)
            flow = flow + level(torch.cat([here, seen, flow.to(here.dtype)], dim=1)).float()
        flow = F.interpolate(flow, (height, width), mode="bilinear", align_corners=False)
        across, down = flow.unbind(1)  # times plain numbers: a CUDA graph takes no tensors from the CPU
        return torch.stack([across * (width / stretched[1]), down * (height / stretched[0])], dim=1)

    def _pyramid(self, pictures: Tensor, size: tuple[int, int]) -> list[Tensor]:
        """Normalised; finest first."""
        found = [(F.interpolate(pictures, size, mode="bilinear", align_corners=False) - self.mean) / self.std]
        while len(found) < LEVELS:
            found.append(F.avg_pool2d(found[-1], 2))
        return found
