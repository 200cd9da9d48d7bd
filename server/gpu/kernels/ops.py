# Triton comes with PyTorch for CUDA; its functions are another language in Python's clothes.
# pyright: reportMissingImports=false, reportIndexIssue=false, reportPossiblyUnboundVariable=false
"""The kernels as functions of tensors: pictures are half, contiguous (height, width, channels)."""

from dataclasses import dataclass

import torch
import triton
from torch import Tensor, nn

from server.gpu.kernels import conv as _conv
from server.gpu.kernels import warp as _warp

MIN_CHANNELS = 16
"""The matrix units' smallest side: fewer channels are filled up with zeros."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a convolution is cut up for the GPU; see `conv.conv3x3`. Chosen by measurement, once, in
    `shape_for`."""

    pixels: int
    rows: int
    inputs: int
    outputs: int
    warps: int
    stages: int


def shape_for(inputs: int, outputs: int, device: torch.device) -> Shape:
    """For a convolution of that many channels: the best or nearly so for every layer in a sweep of twenty on
    an H100; with two rows and less in flight where a program has less shared memory than there."""
    roomy = torch.cuda.get_device_properties(device).shared_memory_per_block_optin >= 112 * 1024
    rows, stages = (4, 3) if roomy else (2, 2)
    return Shape(64, rows, min(inputs, 32), min(outputs, 64), 4, stages)


class Conv3x3:
    """A 3x3 convolution's weights, laid out for the kernel, and the call.

    `shuffle`: its outputs are the four pixels of a picture of twice the sides. `slope`: of the leaky ReLU
    behind it, 1 for none.
    """

    def __init__(self, layer: nn.Conv2d, *, slope: float = 1.0, shuffle: bool = False,
                 shape: Shape | None = None) -> None:  # fmt: skip
        outputs, inputs, *kernel = layer.weight.shape
        assert kernel == [3, 3] and layer.bias is not None
        self.slope, self.shuffle = slope, shuffle
        self.inputs = max(triton.next_power_of_2(inputs) if inputs < 32 else inputs, MIN_CHANNELS)
        self.outputs, self.kept = max(outputs, MIN_CHANNELS), outputs
        weight = layer.weight.detach().permute(2, 3, 1, 0)
        bias = layer.bias.detach().float()
        if shuffle:  # channel 4 c + i becomes channel c of the pixel i
            weight = weight.unflatten(3, (-1, 4)).transpose(3, 4).flatten(3)
            bias = bias.unflatten(0, (-1, 4)).T.flatten()
        filled = weight.new_zeros((3, 3, self.inputs, self.outputs), dtype=torch.float16)
        filled[:, :, :inputs, :outputs] = weight
        self.weight = filled.contiguous()
        self.bias = bias.new_zeros(self.outputs)
        self.bias[:outputs] = bias
        self.shape = shape or shape_for(
            self.inputs, self.outputs // 4 if shuffle else self.outputs, self.weight.device
        )

    def __call__(self, x: Tensor, out: Tensor, extra: Tensor | None = None) -> Tensor:
        """`out` = activation(convolution of the first channels of `x` + `extra`); all with their own channel
        count as stride, so that a slice of channels can be read or written in place."""
        height, width, _ = x.shape
        shape = self.shape
        grid = (
            triton.cdiv(width, shape.pixels),
            triton.cdiv(height, shape.rows),
            self.outputs // shape.outputs,
        )
        _conv.conv3x3[grid](
            x, self.weight, self.bias, x if extra is None else extra, out, height, width,
            X=x.stride(1), EXTRA=1 if extra is None else extra.stride(1), OUT=out.stride(1),
            CIN=self.inputs, COUT=self.outputs, N=shape.outputs, KEEP=self.kept,
            BK=shape.inputs, BM=shape.pixels, ROWS=shape.rows, HAS_EXTRA=extra is not None,
            SLOPE=self.slope, SHUFFLE=self.shuffle, num_warps=shape.warps, num_stages=shape.stages,
        )  # fmt: skip
        return out


def warp(features: Tensor, flow: Tensor, out: Tensor) -> Tensor:
    """`features` read at each pixel's place + `flow` (2, height, width), float32, in pixels."""
    height, width, channels = features.shape
    pixels = 64
    _warp.warp[(triton.cdiv(height * width, pixels),)](
        features, flow, out, height, width, CHANNELS=channels, BM=pixels, num_warps=4
    )
    return out
