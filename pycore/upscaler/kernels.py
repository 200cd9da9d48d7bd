"""The ways in which a net's convolution can be computed. All give the same, up to the order of f32 sums, so
that any layer may take any; which is fastest, the GPU at hand decides (tuner.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pycore.upscaler.weights import GROUP, Conv, Packing

MOST_THREADS = 256
"""Invocations of a workgroup that every WebGPU device allows."""

MOST_SHARED_BYTES = 16384
"""Bytes of workgroup memory, likewise."""

_VECTOR_BYTES = 16


@dataclass(frozen=True, slots=True)
class Kernel:
    """`file`: the shader, joined with conv_tile.wgsl. A workgroup has `columns` x `rows` invocations for each
    `groups` output groups of four channels; each makes `strip` cells, one below the other. `packing`: how the
    weights lie; `staged`: whether a group's are held in workgroup memory beside its tile. `halves`: the tile,
    and what lies between layers, are WGSL's f16, which needs "shader-f16"; else the tile is f32, and the same
    bits are packed and unpacked. Sums are f32 either way."""

    name: str
    file: str = "conv_direct"
    columns: int = 16
    rows: int = 2
    strip: int = 8
    groups: int = 1
    packing: Packing = Packing.DIRECT
    staged: bool = False
    halves: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """What is joined after the files that say where input and output lie."""
        return ("conv_tile", "conv_staged", self.file) if self.staged else ("conv_tile", self.file)

    def does(self, conv: Conv) -> bool:
        """Whether every WebGPU device can compute that layer so."""
        groups = conv.outputs // GROUP
        tile = (self.columns + 2) * (self.rows * self.strip + 2) * (_VECTOR_BYTES >> self.halves)
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

HALVES = "shader-f16"
"""The feature that a kernel with `halves` needs."""


def every(features: frozenset[str]) -> list[Kernel]:
    """What a device of these features can run, its default first: where it computes with halves, that is one
    with halves."""
    with_halves = [replace(each, name=f"{each.name} f16", halves=True) for each in KERNELS]
    return [*with_halves, *KERNELS] if HALVES in features else list(KERNELS)


def named(name: str, features: frozenset[str]) -> Kernel | None:
    """The kernel of that name, None when there is none for such a device."""
    return next((each for each in every(features) if each.name == name), None)


def choices(conv: Conv, features: frozenset[str] = frozenset()) -> list[Kernel]:
    """What can compute that layer, the default first."""
    return [each for each in every(features) if each.does(conv)]


def defaults(net: Sequence[Conv], features: frozenset[str]) -> tuple[Kernel, ...]:
    """The kernels of a net's layers before any is tuned."""
    return tuple(choices(conv, features)[0] for conv in net)
