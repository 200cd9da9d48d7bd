"""What a tier computes, as data: the surfaces that live between stages, and the stages in order.

The names "frame" (the source frame) and "look" (the uniform block) are there for every stage. "source" and
"luma" are what compose reads, so every plan must write them: Y, Cb, Cr of the crop, and Y at twice its size.
"""

from dataclasses import dataclass

from pycore.backends.gpu import FrameKind
from pycore.protocol import ReelError, Tier

TILE = 8
"""Side of a workgroup, the shaders' default. 64 invocations suit every GPU that WebGPU runs on."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A texture between stages, `scale` texels to each side of a crop pixel."""

    name: str
    format: str
    scale: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A compute shader: files to join, and the names of what is bound, in binding order. It runs `size *
    scale + margin` times a side."""

    files: tuple[str, ...]
    binds: tuple[str, ...]
    scale: int = 1
    margin: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """`ingest` is the first stage: it alone is bound to the frame, at binding 0."""

    surfaces: tuple[Surface, ...]
    ingest: Stage
    stages: tuple[Stage, ...]
    compose: Stage


def plan_for(tier: Tier, kind: FrameKind) -> Plan:
    """The plan of a tier for frames of that kind. Raises ReelError "gpu.tier" for a tier that has none."""
    if tier is not Tier.BASE:
        raise ReelError.of(
            "gpu.tier", "There is no such preview tier", f"'{tier}' has no plan.", "Use 'base'."
        )
    return Plan(
        surfaces=(Surface("source", "rgba16float", 1), Surface("luma", "r32float", 2)),
        ingest=Stage((f"frame_{kind}", "look", "ingest"), ("frame", "look", "source")),
        stages=(Stage(("look", "lanczos3"), ("source", "look", "luma"), margin=1),),
        compose=Stage(("look", "compose"), ("source", "look", "luma")),
    )
