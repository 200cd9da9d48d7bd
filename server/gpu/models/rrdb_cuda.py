"""RRDBNet on CUDA at the GPU's speed: the same computation as `rrdb`, in half precision with float32 sums, by
this project's own kernels, recorded once per picture size as a CUDA graph.

A dense block's input and results lie beside each other in the channels of one picture, so that nothing is
ever joined. Enlarging by repeating pixels and convolving is one convolution that makes four pixels at a time.
"""

from typing import cast

import torch
from torch import Tensor, nn

from server.gpu.kernels.graphs import Graph
from server.gpu.kernels.ops import MIN_CHANNELS, Conv3x3
from server.gpu.models.rrdb import SHARE, SLOPE, Block, Dense, RRDBNet


def repeated(layer: nn.Conv2d) -> nn.Conv2d:
    """The convolution of a picture that equals `layer` on the same picture with every pixel repeated 2x2, its
    four results per pixel in the order of a pixel shuffle. Of the three rows (columns) that a result needs,
    two come from the same pixel: their weights are added."""
    outputs, inputs, _, _ = layer.weight.shape
    weight = layer.weight.detach().float()
    rows = [_merged(weight, 2, up) for up in (True, False)]
    four = torch.stack([_merged(each, 3, left) for each in rows for left in (True, False)], dim=1)
    made = nn.Conv2d(inputs, 4 * outputs, 3, padding=1, device=weight.device)
    assert layer.bias is not None
    made.weight.data = four.flatten(0, 1)
    made.bias = nn.Parameter(layer.bias.detach().float().repeat_interleave(4))
    return made


def _merged(weight: Tensor, dim: int, before: bool) -> Tensor:
    first, middle, last = weight.unbind(dim)
    nothing = torch.zeros_like(first)
    taps = [first, middle + last, nothing] if before else [nothing, first + middle, last]
    return torch.stack(taps, dim)


class _FastDense:
    def __init__(self, net: Dense, channels: int, growth: int) -> None:
        *others, final = net.layers
        last = nn.Conv2d(final.weight.shape[1], channels, 3, padding=1)
        assert final.bias is not None
        last.weight.data = final.weight.data * SHARE
        last.bias = nn.Parameter(final.bias.data * SHARE)
        self.convs = [Conv3x3(each, slope=SLOPE) for each in others]
        self.last = Conv3x3(last)
        self.starts = [channels + number * growth for number in range(4)]

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """`x`: (h, w, channels + 4 growth), whose first channels are the input; `out`: where the result
        goes."""
        for conv, start in zip(self.convs, self.starts, strict=True):
            conv(x, x[..., start:])
        self.last(x, out, extra=x)


class FastRRDBNet:
    """A `registry.FrameNet`."""

    def __init__(self, net: RRDBNet, device: torch.device) -> None:
        net = net.to(device).eval().requires_grad_(False)
        self._device, self._channels, self._growth = device, net.channels, net.growth
        self.conv_first = Conv3x3(net.conv_first)
        self.body = [self._block(each) for each in net.body]
        self.conv_body = Conv3x3(net.conv_body)
        self.conv_up1 = Conv3x3(repeated(net.conv_up1), slope=SLOPE, shuffle=True)
        self.conv_up2 = Conv3x3(repeated(net.conv_up2), slope=SLOPE, shuffle=True)
        self.conv_hr = Conv3x3(net.conv_hr, slope=SLOPE)
        self.conv_last = Conv3x3(net.conv_last)
        self._size = (0, 0)

    def _block(self, block: nn.Module) -> list[_FastDense]:
        assert isinstance(block, Block)
        layers = [cast(Dense, each) for each in block.dense]
        return [_FastDense(each, self._channels, self._growth) for each in layers]

    def _make_room(self, height: int, width: int) -> None:
        def place(scale: int, channels: int) -> Tensor:
            return torch.zeros(
                (height * scale, width * scale, channels), dtype=torch.float16, device=self._device
            )

        self._frame, self._first = place(1, MIN_CHANNELS), place(1, self._channels)
        self.wide = [place(1, self._channels + 4 * self._growth) for _ in range(3)]
        self.half, self.large, self.last = (
            place(2, self._channels),
            place(4, self._channels),
            place(4, self._channels),
        )
        self.made = place(4, 3)
        self._graph = Graph(self._step)
        self._size = (height, width)

    def _step(self) -> None:
        channels = self._channels
        one, two, three = self.wide
        self.conv_first(self._frame, self._first)
        one[..., :channels].copy_(self._first)
        for first, second, third in self.body:
            first(one, two)
            second(two, three)
            third(three, two)
            one[..., :channels].add_(two[..., :channels], alpha=SHARE)
        self.conv_body(one, two, extra=self._first)
        self.conv_up1(two, self.half)
        self.conv_up2(self.half, self.large)
        self.conv_hr(self.large, self.last)
        self.conv_last(self.last, self.made)

    def frame(self, picture: Tensor) -> Tensor:
        height, width, _ = picture.shape
        if (height, width) != self._size:
            self._make_room(height, width)
        self._frame[..., :3].copy_(picture.half() / 255)
        self._graph.replay()
        return self.made.permute(2, 0, 1)[None].float()
