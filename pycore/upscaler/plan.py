"""What a tier computes, as data: what lives between stages, and the stages in order.

The names "frame" (the source frame), "look" (the uniform block) and "canvas" are there for every stage.
"source" and "luma" are what compose reads, so every plan must write them: Y, Cb, Cr of the crop, and Y at
twice its size. A net corrects the luma that Lanczos left (server/training/nets.py, `upscale`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

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
    """A compute shader: files to join, the names of what is bound, in binding order ("": nothing), and its
    constants. A workgroup covers `tile` units of `unit` source pixels a side, and `margin` more units are
    covered than the crop has. `kernel`: which way of computing it this is, where there are several."""

    files: tuple[str, ...]
    binds: tuple[str, ...]
    tile: tuple[int, int]
    constants: Constants = field(default_factory=lambda: NO_CONSTANTS)
    margin: int = 0
    unit: int = 1
    kernel: str = ""

    @property
    def name(self) -> str:
        """Its last file's; a layer that does more says so."""
        more = {"cells_in_frame": "+ingest", "cells_out_canvas": "+compose"}
        return self.files[-1] + "".join(more.get(file, "") for file in self.files)

    def onto_textures(self, format: str) -> "Stage":
        """The same where the frame is a texture and the canvas is one of that format."""
        files = (f"frame_{FrameKind.TEXTURE}" if file.startswith("frame_") else file for file in self.files)
        return replace(
            self,
            files=tuple(f"canvas_{format}" if file.startswith("canvas_") else file for file in files),
        )


class Fused(NamedTuple):
    """Which of a net's layers do more than their own: the first also crops the frame and makes Y, Cb, Cr of
    it, the last also brings the colours back and draws."""

    first: bool = True
    last: bool = True


SPLIT = Fused(first=False, last=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """`ingest` is the first stage: it alone is bound to the frame; `compose` the last, alone bound to the
    canvas; both at binding 0. `plain`, where there is one, takes the place of the last of `stages` and
    `compose` for a look that is not sharpened. `uniforms`: blocks by the name under which stages bind
    them."""

    surfaces: tuple[Surface, ...]
    buffers: tuple[CellBuffer, ...]
    uniforms: Mapping[str, bytes]
    ingest: Stage
    stages: tuple[Stage, ...]
    compose: Stage
    plain: Stage | None = None

    def onto_textures(self, format: str) -> "Plan":
        """The same with a texture as frame and a texture of that format as canvas."""
        return replace(
            self,
            ingest=self.ingest.onto_textures(format),
            compose=self.compose.onto_textures(format),
            plain=self.plain and self.plain.onto_textures(format),
        )

    def drawing(self, *, sharpened: bool) -> tuple[Stage, ...]:
        """The stages in the order in which they run."""
        if self.plain is None or sharpened:
            return (self.ingest, *self.stages, self.compose)
        return (self.ingest, *self.stages[:-1], self.plain)


def plan_for(
    kind: FrameKind,
    format: str,
    net: Sequence[Conv] = (),
    kernels: Sequence[Kernel] = (),
    fused: Fused = SPLIT,
) -> Plan:
    """The plan for frames of that kind, a canvas of that format and a net (none: Lanczos alone), its layers
    computed by `kernels` (none: the default)."""
    kernels = kernels or (DEFAULT,) * len(net)
    first, last = bool(net) and fused.first, bool(net) and fused.last
    layers = [layer(index, net, each) for index, each in enumerate(kernels)]
    return Plan(
        surfaces=(Surface("source", "rgba16float", 1),),
        buffers=(CellBuffer("luma", LUMA_BYTES), *_features(net)),
        uniforms={
            weights_name(index, each.packing): net[index].pack(each.packing)
            for index, each in enumerate(kernels)
        },
        ingest=first_fused(kind, net, kernels[0]) if first else ingest(kind),
        stages=(_lanczos(clamped=not net), *layers[first:]),
        compose=compose(format),
        plain=last_fused(format, net, kernels[-1]) if last else None,
    )


def ingest(kind: FrameKind) -> Stage:
    return Stage((f"frame_{kind}", "look", "crop", "ingest"), ("frame", "look", "source"), tile=(8, 8))


def compose(format: str) -> Stage:
    files = ("look", f"canvas_{format}", "paint", "compose")
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
    """That layer of a net, computed by that kernel, and nothing else."""
    last = index == len(net) - 1
    given, made = FEATURES if index % 2 else FEATURES[::-1]
    files = (
        "look",
        _reads(kernel) if index else "cells_in_luma",
        "cells_out_luma" if last else _writes(kernel),
    )
    binds = ("", "look", weights_name(index, kernel.packing), "luma" if last else made)
    return _layer(kernel, net[index], files, (*binds, given if index else "source"))


def first_fused(kind: FrameKind, net: Sequence[Conv], kernel: Kernel) -> Stage:
    """A net's first layer and `ingest` in one."""
    files = (f"frame_{kind}", "look", "crop", "cells_in_frame", _writes(kernel))
    binds = ("frame", "look", weights_name(0, kernel.packing), FEATURES[0], "source")
    return _layer(kernel, net[0], files, binds)


def last_fused(format: str, net: Sequence[Conv], kernel: Kernel) -> Stage:
    """A net's last layer and `compose` in one, without sharpening."""
    index = len(net) - 1
    files = ("look", f"canvas_{format}", "paint", _reads(kernel), "cells_out_canvas")
    given = FEATURES[0 if index % 2 else 1]
    binds = ("canvas", "look", weights_name(index, kernel.packing), "luma", given, "source")
    return _layer(kernel, net[index], files, binds)


def _reads(kernel: Kernel) -> str:
    return "cells_in_f16" if kernel.halves else "cells_in"


def _writes(kernel: Kernel) -> str:
    return "cells_out_f16" if kernel.halves else "cells_out"


def _layer(kernel: Kernel, conv: Conv, files: tuple[str, ...], binds: tuple[str, ...]) -> Stage:
    directives = ("f16",) if kernel.halves else ()
    kept = "kept_f16" if kernel.halves else "kept_f32"
    return Stage(
        (*directives, *files, kept, *kernel.files),
        binds,
        tile=kernel.tile,
        constants=kernel.constants(conv),
        unit=CELL,
        kernel=kernel.name,
    )
