"""The ways in which a net's convolution can be computed. All give the same, up to the order of f32 sums, so
that any layer may take any; which is fastest, the GPU at hand decides (tuner.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pycore.upscaler.weights import GROUP, Conv, Packing

MOST_THREADS = 256
"""Invocations of a workgroup that every WebGPU device allows."""

MOST_SHARED_BYTES = 16384
"""Bytes of workgroup memory, likewise."""

_VECTOR_BYTES = 16


@dataclass(frozen=True, slots=True)
class Kernel:
    """`file`: the shader. A workgroup has `columns` x `rows` invocations for each `groups` output groups of
    four channels; each makes `strip` cells, one below the other. `packing`: how the weights lie; `staged`:
    whether a group's are held in workgroup memory beside its tile."""

    name: str
    file: str = "conv"
    columns: int = 16
    rows: int = 2
    strip: int = 8
    groups: int = 1
    packing: Packing = Packing.DIRECT
    staged: bool = False

    def does(self, conv: Conv) -> bool:
        """Whether every WebGPU device can compute that layer so."""
        groups = conv.outputs // GROUP
        tile = (self.columns + 2) * (self.rows * self.strip + 2) * _VECTOR_BYTES
        weights = groups * self.packing.matrices * GROUP * _VECTOR_BYTES if self.staged else 0
        return (
            groups % self.groups == 0
            and self.columns * self.rows * groups // self.groups <= MOST_THREADS
            and tile + weights <= MOST_SHARED_BYTES
        )

    @property
    def tile(self) -> tuple[int, int]:
        """Cells that a workgroup makes."""
        return self.columns, self.rows * self.strip

    def constants(self, conv: Conv) -> Mapping[str, float]:
        return {
            "COLUMNS": self.columns,
            "ROWS": self.rows,
            "IN": conv.inputs // GROUP,
            "OUT": conv.outputs // GROUP,
        }


DEFAULT = Kernel("16x2")
KERNELS = (
    DEFAULT,
    Kernel("32x1", columns=32, rows=1),
    Kernel("tall", "conv_tall", strip=16, staged=True),
    Kernel("winograd4", "conv_winograd4", groups=2, packing=Packing.WINOGRAD4, staged=True),
    Kernel("winograd2", "conv_winograd2", packing=Packing.WINOGRAD2, staged=True),
)
"""The default first. A tuned choice must be a tenth faster to take its place."""


def named(name: str) -> Kernel | None:
    """The kernel of that name, None when this version has none."""
    return next((each for each in KERNELS if each.name == name), None)


def choices(conv: Conv) -> list[Kernel]:
    """What can compute that layer, the default first."""
    return [each for each in KERNELS if each.does(conv)]
