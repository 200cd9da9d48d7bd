"""A net's weight file (safetensors, half precision, as server/training writes it) -> what the convolution
kernels read. Standard library alone: the preview waits for nothing."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from pycore.protocol import ReelError

GROUP = 4
"""Channels in a vector."""

LAYER_MATRICES = 640
"""Room for one layer: the size of `weights` in conv_direct.wgsl."""


class Packing(StrEnum):
    """How a layer's weights lie: each column of three taps as it is, or as Winograd's F(2, 3) or F(4, 3) take
    it."""

    DIRECT = "direct"
    WINOGRAD2 = "winograd2"
    WINOGRAD4 = "winograd4"

    @property
    def matrices(self) -> int:
        """From one group of input channels to one group of output channels."""
        return 3 * len(_ROWS[self])


_ROWS = {
    Packing.DIRECT: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    Packing.WINOGRAD2: ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0)),
    Packing.WINOGRAD4: (
        (1 / 4, 0.0, 0.0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0.0, 0.0, 1.0),
    ),
}
"""What a column's rows are multiplied by: Lavin and Gray's G."""


@dataclass(frozen=True, slots=True)
class Conv:
    """A 3x3 convolution: `weight` (out, in, 3, 3) flat, `bias` (out), `slope` (out) of the PReLU after it; 1
    where there is none."""

    outputs: int
    inputs: int
    weight: Sequence[float]
    bias: Sequence[float]
    slope: Sequence[float]

    def pack(self, packing: Packing = Packing.DIRECT) -> bytes:
        """What the kernels of that packing read: matrices of 4x4 f32, column by column (see
        conv_tile.wgsl); at least LAYER_MATRICES, which its uniform block asks for."""
        weight, inputs = self.weight, self.inputs
        values = [
            sum(share * weight[at + 3 * row] for row, share in enumerate(shares) if share)
            for given in range(0, inputs, GROUP)
            for output in range(0, self.outputs, GROUP)
            for column in range(3)
            for shares in _ROWS[packing]
            for part in range(GROUP)
            for lane in range(GROUP)
            for at in [((output + lane) * inputs + given + part) * 9 + column]
        ]
        for output in range(0, self.outputs, GROUP):
            values += [*self.bias[output : output + GROUP], *self.slope[output : output + GROUP], *[0.0] * 8]
        values += [0.0] * (LAYER_MATRICES * GROUP * GROUP - len(values))
        return struct.pack(f"<{len(values)}f", *values)


def parse(data: bytes, name: str) -> list[Conv]:
    """The convolutions in the order in which they run. `name` is for errors.

    Raises ReelError "model.broken" when `data` is not such a file, or has a shape that the kernels do not do.
    """
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        tensors = {
            key: _tensor(data, 8 + length, each) for key, each in header.items() if key != "__metadata__"
        }
        count = sum(key.endswith(".weight") for key in tensors)
        convs = [_conv(tensors, index) for index in range(count)]
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise _broken(name, f"{type(error).__name__}: {error}") from error
    widths = [(conv.inputs, conv.outputs) for conv in convs]
    fits = [
        given % GROUP == 0 and made % GROUP == 0 and made * (9 * given + 4) <= LAYER_MATRICES * GROUP * GROUP
        for given, made in widths
    ]
    chained = all(made == given for (_, made), (given, _) in pairwise(widths))
    if len(convs) < 2 or not all(fits) or not chained or (widths[0][0], widths[-1][1]) != (4, 16):
        raise _broken(name, f"it has layers of {widths} channels.")
    return convs


def _tensor(data: bytes, start: int, entry: dict) -> tuple[list[int], tuple[float, ...]]:
    if entry["dtype"] != "F16":
        raise ValueError(f"a tensor of {entry['dtype']}, not F16")
    first, last = entry["data_offsets"]
    return entry["shape"], struct.unpack_from(f"<{(last - first) // 2}e", data, start + first)


def _conv(tensors: dict[str, tuple[list[int], tuple[float, ...]]], index: int) -> Conv:
    (outputs, inputs, *taps), weight = tensors[f"{index}.weight"]
    _, bias = tensors[f"{index}.bias"]
    _, slope = tensors.get(f"{index}.slope", ([outputs], (1.0,) * outputs))
    if taps != [3, 3] or len(weight) != 9 * outputs * inputs or (len(bias), len(slope)) != (outputs, outputs):
        raise ValueError(f"layer {index} is no 3x3 convolution")
    return Conv(outputs, inputs, weight, bias, slope)


def _broken(name: str, why: str) -> ReelError:
    return ReelError.of(
        "model.broken",
        "A preview model does not fit",
        f"models/{name}.safetensors: {why}",
        "Reload the page.",
        500,
    )
