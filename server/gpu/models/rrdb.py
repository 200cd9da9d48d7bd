"""RRDBNet, the generator of ESRGAN and Real-ESRGAN: 4x, frame by frame.

Papers: Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", 2018
(arXiv:1809.00219); Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
Data", 2021 (arXiv:2107.10833). Its weights x4plus were trained with an adversarial loss: it invents texture
that looks right and was never there.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from server.gpu.models.ncnn_weights import NcnnWeights
from server.gpu.models.state import WeightsError

SLOPE = 0.2
"""Of every leaky ReLU."""
SHARE = 0.2
"""How much of a block's result is added to its input."""


class Dense(nn.Module):
    """Five convolutions; each sees the input and the results of those before it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(channels + number * growth, channels if number == 4 else growth, 3, padding=1)
            for number in range(5)
        )

    @property
    def layers(self) -> list[nn.Conv2d]:
        return [cast(nn.Conv2d, each) for each in self.convs]

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        *others, last = self.layers
        for conv in others:
            seen = torch.cat([seen, F.leaky_relu(conv(seen), SLOPE)], dim=1)
        return x + SHARE * last(seen)


class Block(nn.Module):
    """Three dense blocks in a row, their result added to the input."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(*(Dense(channels, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        return x + SHARE * self.dense(x)


class RRDBNet(nn.Module):
    """`forward`: RGB in [0, 1], (n, 3, h, w) -> RGB (n, 3, 4h, 4w), not clamped, same dtype."""

    def __init__(self, channels: int = 64, growth: int = 32, blocks: int = 23) -> None:
        super().__init__()
        self.channels, self.growth = channels, growth
        self.conv_first = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(Block(channels, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_up1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_up2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_hr = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.conv_first(picture)
        x = x + self.conv_body(self.body(x))
        for conv in (self.conv_up1, self.conv_up2):
            x = F.leaky_relu(conv(F.interpolate(x, scale_factor=2, mode="nearest")), SLOPE)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), SLOPE))

    def load(self, weights: NcnnWeights) -> None:
        """Takes over weights whose graph is this net's. Raises WeightsError where count, order or shape
        differ."""
        layers = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        if len(layers) != len(weights.convolutions) or weights.constants:
            raise WeightsError(
                f"RRDBNet has {len(layers)} convolutions, the file {len(weights.convolutions)}"
            )
        for layer, stored in zip(layers, weights.convolutions, strict=True):
            if tuple(layer.weight.shape) != stored.weight.shape:
                wanted = tuple(layer.weight.shape)
                raise WeightsError(
                    f"layer {stored.name} has shape {stored.weight.shape}, RRDBNet needs {wanted}"
                )
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(stored.weight.copy()))
                assert layer.bias is not None
                layer.bias.copy_(torch.from_numpy(stored.bias.copy()))
