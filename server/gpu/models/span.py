"""SPAN, the Swift Parameter-free Attention Network, for inference.

Paper: Wan et al., "Swift Parameter-free Attention Network for Efficient Super-Resolution", 2023
(arXiv:2311.12770). Reference and weights: github.com/hongyuanyu/SPAN (Apache-2.0). In training each
convolution is a group of parallel ones; the weights here are the collapsed form, one 3x3 convolution each,
which computes the same.

Attention without parameters: a block's output is scaled by how far its own features are from zero, an odd
function centred on zero (sigmoid - 1/2), so strong edges pass and flat regions are damped.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from server.gpu.models.ncnn_weights import NcnnWeights
from server.gpu.models.state import WeightsError


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.c2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.c3 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(block's output, features after its first activation)."""
        first = F.silu(self.c1(x))
        features = self.c3(F.silu(self.c2(first)))
        return (features + x) * (torch.sigmoid(features) - 0.5), first


class Span(nn.Module):
    """`forward`: RGB in [0, 1], shape (n, 3, h, w) -> RGB (n, 3, scale*h, scale*w), not clamped, same dtype.

    An output pixel sees RADIUS input pixels to each side, through 21 3x3 convolutions in a row. Beyond the
    picture's edge the net sees its mean colour.
    """

    RADIUS = 21
    BLOCKS = 6
    mean: Tensor

    def __init__(self, channels: int = 48, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))
        self.conv_1 = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(channels) for _ in range(self.BLOCKS))
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_cat = nn.Conv2d(4 * channels, channels, 1)
        self.upsampler = nn.Conv2d(channels, 3 * scale * scale, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        shallow = self.conv_1((picture - self.mean) * 255.0)
        x, _ = self.blocks[0](shallow)
        first_block = x
        first = x
        for block in list(self.blocks)[1:]:
            x, first = block(x)
        # `first`: the last block's features after its first activation, as in the reference
        merged = self.conv_cat(torch.cat([shallow, self.conv_2(x), first_block, first], dim=1))
        return F.pixel_shuffle(self.upsampler(merged), self.scale)

    def load(self, weights: NcnnWeights) -> None:
        """Takes over weights whose graph is this net's. Raises WeightsError where count, order or shape
        differ."""
        expected = [self.conv_1]
        for block in self.blocks:
            assert isinstance(block, _Block)
            expected += [block.c1, block.c2, block.c3]
        expected += [self.conv_2, self.conv_cat, self.upsampler]
        if len(weights.convolutions) != len(expected):
            raise WeightsError(f"SPAN has {len(expected)} convolutions, the file {len(weights.convolutions)}")
        for layer, stored in zip(expected, weights.convolutions, strict=True):
            if tuple(layer.weight.shape) != stored.weight.shape:
                wanted = tuple(layer.weight.shape)
                raise WeightsError(
                    f"layer {stored.name} has shape {stored.weight.shape}, SPAN needs {wanted}"
                )
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(stored.weight.copy()))
                assert layer.bias is not None
                layer.bias.copy_(torch.from_numpy(stored.bias.copy()))
        means = list(weights.constants.values())
        if len(means) != 1 or means[0].size != 3:
            raise WeightsError("SPAN has one constant, its mean colour")
        self.mean.copy_(torch.from_numpy(means[0].copy()).reshape(1, 3, 1, 1))
