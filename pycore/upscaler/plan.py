"""What a tier computes, as data: what lives between stages, and the stages in order.

The names "frame" (the source frame), "look" (the uniform block) and "canvas" are there for every stage.
"source" and "luma" are what compose reads, so every plan must write them: Y, Cb, Cr of the crop, and Y at
twice its size. A net corrects the luma that Lanczos left (server/training/nets.py, `upscale`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pycore.backends.gpu import FrameKind
from pycore.shaders import NO_CONSTANTS, Constants
from pycore.upscaler.kernels import DEFAULT, Kernel
from pycore.upscaler.weights import Conv, Packing

CELL = 2
"""A net's cells are this many source pixels a side."""

HALF_BYTES = 2
LUMA_BYTES = 4 * 4 * 4

FEATURES = ("features-a", "features-b")


@dataclass(frozen=True, slots=True)
class Surface:
    """A texture between stages, `scale` texels to each side of a crop pixel."""

    name: str
    format: str
    scale: int


@dataclass(frozen=True, slots=True)
class CellBuffer:
    """A buffer with so many bytes for each of a net's cells: between layers four halves for each group of
    four channels, and the upscaled luma, 4x4 f32."""

    name: str
    cell_bytes: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A compute shader: files to join, the names of what is bound, in binding order, and its constants. A
    workgroup covers `tile` units of `unit` source pixels a side, and `margin` more units are covered than the
    crop has. `kernel`: which way of computing it this is, where there are several."""

    files: tuple[str, ...]
    binds: tuple[str, ...]
    tile: tuple[int, int]
    constants: Constants = field(default_factory=lambda: NO_CONSTANTS)
    margin: int = 0
    unit: int = 1
    kernel: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """`ingest` is the first stage: it alone is bound to the frame; `compose` the last, alone bound to the
    canvas; both at binding 0. `uniforms`: blocks by the name under which stages bind them."""

    surfaces: tuple[Surface, ...]
    buffers: tuple[CellBuffer, ...]
    uniforms: Mapping[str, bytes]
    ingest: Stage
    stages: tuple[Stage, ...]
    compose: Stage

    def onto_textures(self, format: str) -> "Plan":
        """The same with a texture as frame and a texture of that format as canvas."""
        return replace(self, ingest=_ingest(FrameKind.TEXTURE), compose=_compose(format))


def plan_for(kind: FrameKind, format: str, net: Sequence[Conv] = (), kernels: Sequence[Kernel] = ()) -> Plan:
    """The plan for frames of that kind, a canvas of that format and a net (none: Lanczos alone), its layers
    computed by `kernels` (none: the default)."""
    kernels = kernels or (DEFAULT,) * len(net)
    return Plan(
        surfaces=(Surface("source", "rgba16float", 1),),
        buffers=(CellBuffer("luma", LUMA_BYTES), *_features(net)),
        uniforms={
            weights_name(index, each.packing): net[index].pack(each.packing)
            for index, each in enumerate(kernels)
        },
        ingest=_ingest(kind),
        stages=(_lanczos(clamped=not net), *(layer(index, net, each) for index, each in enumerate(kernels))),
        compose=_compose(format),
    )


def _ingest(kind: FrameKind) -> Stage:
    return Stage((f"frame_{kind}", "look", "ingest"), ("frame", "look", "source"), tile=(8, 8))


def _compose(format: str) -> Stage:
    files = ("look", f"canvas_{format}", "compose")
    return Stage(files, ("canvas", "look", "source", "luma"), tile=(16, 8), margin=1)


def _features(net: Sequence[Conv]) -> list[CellBuffer]:
    """Two, for the layers to read and write by turns; as wide as the widest between two layers."""
    widest = max((conv.outputs for conv in net[:-1]), default=0)
    return [CellBuffer(name, widest * HALF_BYTES) for name in FEATURES] if widest else []


def _lanczos(*, clamped: bool) -> Stage:
    constants = {"CLAMPED": float(clamped)}
    return Stage(("look", "lanczos3"), ("source", "look", "luma"), (16, 8), constants, margin=1)


def weights_name(index: int, packing: Packing) -> str:
    """Under which stages bind a layer's weights."""
    return f"weights-{index}-{packing}"


def layer(index: int, net: Sequence[Conv], kernel: Kernel) -> Stage:
    """That layer of a net, computed by that kernel."""
    conv, first, last = net[index], index == 0, index == len(net) - 1
    given, made = FEATURES if index % 2 else FEATURES[::-1]
    kind = "_f16" if kernel.halves else ""
    files = (
        "look",
        "cells_in_luma" if first else f"cells_in{kind}",
        "cells_out_luma" if last else f"cells_out{kind}",
        "kept_f16" if kernel.halves else "kept_f32",
        *kernel.files,
    )
    return Stage(
        ("f16", *files) if kernel.halves else files,
        ("source" if first else given, "look", weights_name(index, kernel.packing), "luma" if last else made),
        tile=kernel.tile,
        constants=kernel.constants(conv),
        unit=CELL,
        kernel=kernel.name,
    )
