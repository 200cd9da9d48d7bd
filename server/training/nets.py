"""The preview nets in PyTorch: as they train (factored weights, no padding) and as they ship (plain 3×3s)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from server.training.config import NetSpec

RESIDUAL_SCALE = 0.1
"""The last convolution's output is multiplied by this; folded into its weights when the net is collapsed."""


@dataclass(frozen=True)
class Conv:
    """A 3×3 convolution: weight (out, in, 3, 3), bias (out,), and slope (out,) of the PReLU after it or
    None."""

    weight: Tensor
    bias: Tensor
    slope: Tensor | None

    def to(self, device: torch.device) -> "Conv":
        """The same on that device."""
        slope = None if self.slope is None else self.slope.to(device)
        return Conv(self.weight.to(device), self.bias.to(device), slope)


class TrainableNet(nn.Module):
    """A chain of 3×3 convolutions with PReLU. Each weight is a product of two factors, plus an identity where
    shapes allow: SESR's collapsible blocks, multiplied out at every step, so that training costs what the
    plain net costs."""

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        self.spec = spec
        generator = torch.Generator().manual_seed(spec.seed)
        self.wide, self.narrow = nn.ParameterList(), nn.ParameterList()
        self.bias, self.slope = nn.ParameterList(), nn.ParameterList()
        widths = spec.widths()
        last = len(widths) - 2
        for index, (fan_in, fan_out) in enumerate(pairwise(widths)):
            gain = 0.02 if index == last else 1.0
            wide = torch.randn(spec.expand, fan_in, 3, 3, generator=generator) / (9 * fan_in) ** 0.5
            narrow = torch.randn(fan_out, spec.expand, generator=generator) * gain / spec.expand**0.5
            self.wide.append(nn.Parameter(wide))
            self.narrow.append(nn.Parameter(narrow))
            self.bias.append(nn.Parameter(torch.zeros(fan_out)))
            if index < last:
                self.slope.append(nn.Parameter(torch.full((fan_out,), 0.2)))

    def convs(self) -> list[Conv]:
        """The plain convolutions that the net is equal to, without RESIDUAL_SCALE; differentiable."""
        convs = []
        for index, (wide, narrow) in enumerate(zip(self.wide, self.narrow, strict=True)):
            weight = (narrow @ wide.flatten(1)).view(-1, *wide.shape[1:])
            if weight.shape[0] == weight.shape[1]:
                weight = weight + _identity(weight)
            slope = self.slope[index] if index < len(self.slope) else None
            convs.append(Conv(weight, self.bias[index], slope))
        return convs

    @torch.no_grad()
    def begin_from(self, convs: list[Conv]) -> None:
        """Makes this net equal to plain convolutions of its shape, such as `collapse` gives: the factors stay
        random where their product leaves them free."""
        for index, conv in enumerate(convs):
            weight, bias = conv.weight, conv.bias
            if index == len(convs) - 1:
                weight, bias = weight / RESIDUAL_SCALE, bias / RESIDUAL_SCALE
            if weight.shape[0] == weight.shape[1]:
                weight = weight - _identity(weight)
            wide, narrow = self.wide[index], self.narrow[index]
            missing = weight.flatten(1) - narrow @ wide.flatten(1)
            wide += (torch.linalg.pinv(narrow) @ missing).view_as(wide)
            self.bias[index].copy_(bias)
            if conv.slope is not None:
                self.slope[index].copy_(conv.slope)

    def forward(self, low: Tensor, dtype: torch.dtype) -> Tensor:
        """Residual / RESIDUAL_SCALE (n, 4·block², h, w) for luma (n, 1, H, W) in 0…1, without padding: a
        border of one cell per convolution is missing on each side."""
        x = functional.pixel_unshuffle(low, self.spec.block).to(dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        for conv in self.convs():
            x = functional.conv2d(x, conv.weight.to(dtype), conv.bias.to(dtype))
            if conv.slope is not None:
                x = functional.prelu(x, conv.slope.to(dtype))
        return x.float()


def _identity(like: Tensor) -> Tensor:
    weight = torch.zeros_like(like)
    weight[:, :, 1, 1] = torch.eye(like.shape[0], device=like.device, dtype=like.dtype)
    return weight


@torch.no_grad()
def collapse(net: TrainableNet) -> list[Conv]:
    """The plain convolutions that ship, RESIDUAL_SCALE folded into the last; float32 on the CPU."""
    convs = [
        Conv(
            c.weight.detach().cpu(),
            c.bias.detach().cpu(),
            None if c.slope is None else c.slope.detach().cpu(),
        )
        for c in net.convs()
    ]
    final = convs[-1]
    return [*convs[:-1], Conv(final.weight * RESIDUAL_SCALE, final.bias * RESIDUAL_SCALE, None)]


def upscale(convs: list[Conv], low: Tensor) -> Tensor:
    """Luma (n, 1, H, W) in 0…1 at twice the size: Lanczos-3 plus the net's residual. Shaders are held to
    this.

    Space-to-depth in cells of `block` (channel y·block + x), the convolutions, depth-to-space in cells of
    2·block. Borders repeat at every convolution; a size that is no multiple of `block` is filled by
    repeating."""
    block = int(convs[0].weight.shape[1] ** 0.5)
    height, width = low.shape[-2:]
    x = functional.pad(low, (0, -width % block, 0, -height % block), mode="replicate")
    x = functional.pixel_unshuffle(x, block)
    for conv in convs:
        x = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), conv.weight, conv.bias)
        if conv.slope is not None:
            x = functional.prelu(x, conv.slope)
    residual = functional.pixel_shuffle(x, 2 * block)[..., : 2 * height, : 2 * width]
    return lanczos(low) + residual


def lanczos_taps() -> Tensor:
    """(2, 6) float32, normalised: taps of output 2i on inputs i−3…i+2, and of output 2i+1 on i−2…i+3."""
    offsets = torch.tensor([[-2.75, -1.75, -0.75, 0.25, 1.25, 2.25], [-2.25, -1.25, -0.25, 0.75, 1.75, 2.75]])
    taps = torch.sinc(offsets) * torch.sinc(offsets / 3)
    return taps / taps.sum(dim=1, keepdim=True)


def lanczos(low: Tensor) -> Tensor:
    """(n, 1, H, W) at twice the size by Lanczos-3, borders repeated, pixel centres aligned."""
    taps = lanczos_taps().tolist()
    for axis in (2, 3):
        pad = (0, 0, 3, 3) if axis == 2 else (3, 3, 0, 0)
        x = functional.pad(low, pad, mode="replicate")
        n = low.shape[axis]
        even = torch.stack([taps[0][k] * x.narrow(axis, k, n) for k in range(6)]).sum(0)
        odd = torch.stack([taps[1][k] * x.narrow(axis, k + 1, n) for k in range(6)]).sum(0)
        low = torch.stack([even, odd], dim=axis + 1).flatten(axis, axis + 1)
    return low
