"""What half precision does to a net, layer by layer, on a given picture."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from server.training.nets import Conv


@dataclass(frozen=True)
class LayerRange:
    """Of one convolution's output, after its PReLU: the largest magnitude (half precision ends at 65504), and
    the root-mean-square error from storing it and all before it as halves, sums staying single. The last
    layer's is in units of the picture's range (1/255 is one step)."""

    largest: float
    error: float


@torch.no_grad()
def layer_ranges(convs: list[Conv], low: Tensor) -> list[LayerRange]:
    """Of each layer, for luma (n, 1, H, W) in 0…1 whose sides are multiples of the net's cell."""
    block = int(convs[0].weight.shape[1] ** 0.5)
    exact = functional.pixel_unshuffle(low, block)
    stored = exact.half().float()
    ranges = []
    for conv in convs:
        exact, stored = (_run(conv, x) for x in (exact, stored))
        stored = stored.half().float()
        error = float((exact - stored).square().mean().sqrt())
        ranges.append(LayerRange(float(exact.abs().max()), error))
    return ranges


def _run(conv: Conv, x: Tensor) -> Tensor:
    x = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), conv.weight, conv.bias)
    return x if conv.slope is None else functional.prelu(x, conv.slope)
