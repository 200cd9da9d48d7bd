"""Whether the kernels compile and are right on a device."""

import functools

import torch
from torch import nn
from torch.nn import functional as F

from server.gpu.kernels.ops import Conv3x3


@functools.cache
def run(device: torch.device) -> None:
    """Raises what keeps them from running, or ArithmeticError."""
    generator = torch.Generator().manual_seed(1)
    layer = nn.Conv2d(64, 64, 3, padding=1).requires_grad_(False)
    layer.weight.data = torch.randn(layer.weight.shape, generator=generator) / 24
    picture = torch.randn((9, 70, 64), generator=generator).to(device, torch.float16)
    layer = layer.to(device)
    made = Conv3x3(layer, slope=0.0)(picture, torch.empty_like(picture))
    wanted = F.relu(layer(picture.float().permute(2, 0, 1)[None]))[0].permute(1, 2, 0)
    error = float((made.float() - wanted).norm() / wanted.norm())
    if not error < 2e-3:
        raise ArithmeticError(f"a convolution is off by {error:.1e}")
