"""The ways in which a net's convolution can be computed. All give the same, up to the order of f32 sums, so
that any layer may take any; which is fastest, the GPU at hand decides (tuner.py)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pycore.upscaler.weights import GROUP, Conv, Packing

MOST_THREADS = 256
"""Invocations of a workgroup that every WebGPU device allows."""

MOST_SHARED_BYTES = 16384
"""Bytes of workgroup memory, likewise."""

_VECTOR_BYTES = 16


@dataclass(frozen=True, slots=True)
class Kernel:
    """`file`: the shader. A workgroup has `columns` x `rows` invocations for each `groups` output groups of
    four channels; each makes `strip` cells, one below the other. `tiles`: input tiles held in workgroup
    memory. `before`: files that come first, `needs`: device features that they take."""

    name: str
    file: str = "conv"
    columns: int = 16
    rows: int = 2
    strip: int = 8
    groups: int = 1
    tiles: int = 1
    group: str = "group_local"
    packing: Packing = Packing.DIRECT
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Subgroups have up to 32 invocations on most GPUs, and must lie within one output group."""
        assert not self.needs or self.columns * self.rows % 32 == 0

    def does(self, conv: Conv, features: Iterable[str]) -> bool:
        """Whether a device with these features can compute that layer so."""
        groups = conv.outputs // GROUP
        threads = self.columns * self.rows * groups // self.groups
        area = (self.columns + 2) * (self.rows * self.strip + 2)
        return (
            self.needs <= frozenset(features)
            and groups % self.groups == 0
            and threads <= MOST_THREADS
            and (self.tiles == 1 or 3 * threads >= area)  # conv_ahead.wgsl brings three cells an invocation
            and area * self.tiles * _VECTOR_BYTES <= MOST_SHARED_BYTES
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


SUBGROUPS = frozenset({"subgroups"})

DEFAULT = Kernel("16x2")
_LOCAL = (
    DEFAULT,
    Kernel("32x1", columns=32, rows=1),
    Kernel("ahead", "conv_ahead", tiles=2),
    Kernel("pair", "conv_pair", groups=2),
    Kernel("pair-tall", "conv_pair", rows=4, groups=2),
    Kernel("winograd", "conv_winograd", groups=2, packing=Packing.WINOGRAD),
    Kernel("winograd-tall", "conv_winograd", rows=4, groups=2, packing=Packing.WINOGRAD),
)
KERNELS = (
    *_LOCAL,
    *(
        replace(each, name=f"{each.name}-subgroup", group="group_subgroup", needs=SUBGROUPS)
        for each in _LOCAL
    ),
)
"""The default first. A tuned choice must be a tenth faster to take its place."""


def named(name: str) -> Kernel | None:
    """The kernel of that name, None when this version has none."""
    return next((each for each in KERNELS if each.name == name), None)


def choices(conv: Conv, features: Iterable[str]) -> list[Kernel]:
    """What can compute that layer on a device with these features, the default first."""
    given = frozenset(features)
    return [each for each in KERNELS if each.does(conv, given)]
