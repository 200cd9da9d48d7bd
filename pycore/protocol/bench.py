"""The bench of the preview (bench.html): what its page asks for, and what it is told. Worker -> page as
events, each as {"event": {"type": "...", ...}}."""

from dataclasses import dataclass, field
from typing import Literal

from pycore.protocol.capability import Tier
from pycore.protocol.errors import Problem
from pycore.protocol.geometry import Size


@dataclass(frozen=True, slots=True)
class RunBench:
    """`sizes` of crops. `software`: take a software adapter too, and do as little as shows that all runs."""

    sizes: list[Size]
    software: bool = False
    type: Literal["run-bench"] = "run-bench"


@dataclass(frozen=True, slots=True)
class StageTime:
    """A stage by the shader that it is named after, alone and repeated: milliseconds, and for convolutions
    their multiply-adds as a share of the peak that was measured (0 for other stages)."""

    name: str
    kernel: str
    ms: float
    share: float


@dataclass(frozen=True, slots=True)
class KernelTime:
    """A kernel that the tuner timed on a layer (counted from 0), alone; `ms` null where it was refused."""

    layer: int
    kernel: str
    ms: float | None


@dataclass(frozen=True, slots=True)
class FrameTime:
    """A whole frame of a tier on the GPU, all stages in one submit; `stages` for one size only. `share`: the
    multiply-adds of the inner convolutions as a share of the peak (0 where there are none). `tried`: what
    their kernels were chosen from."""

    tier: Tier
    width: int
    height: int
    ms: float
    share: float = 0.0
    stages: list[StageTime] = field(default_factory=list)
    tried: list[KernelTime] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FrameCost:
    """What one frame costs on the worker's thread, means over `frames` frames, in milliseconds: `import_ms`
    the browser's importExternalTexture with its bind group, and the frame's close(), `canvas_ms`
    getCurrentTexture with its bind group, `submit_ms` encoding and submitting, `python_ms` everything else,
    which is Python's own bookkeeping. `total_ms` is the sum. Clocks are rounded (to 0.005 or 0.1 ms), so
    these are means of rounded times."""

    tier: Tier
    width: int
    height: int
    frames: int
    total_ms: float
    import_ms: float
    canvas_ms: float
    submit_ms: float
    python_ms: float


@dataclass(frozen=True, slots=True)
class BenchReport:
    """`peak_tflops`: f32 fused multiply-adds, two operations each; `copy_gbs`: bytes read and written by a
    copy, in 10^9 a second. `timestamps`: whether the GPU's own clock was read; else times are the page's
    clock around batches. `features`: optional features that the device has."""

    vendor: str
    architecture: str
    description: str
    software: bool
    features: list[str]
    timestamps: bool
    peak_tflops: float
    copy_gbs: float
    frames: list[FrameTime]
    cost: FrameCost | None


@dataclass(frozen=True, slots=True)
class BenchProgress:
    """`done` of `total` steps; `message` says what is measured now."""

    done: int
    total: int
    message: str
    type: Literal["bench-progress"] = "bench-progress"


@dataclass(frozen=True, slots=True)
class BenchDone:
    report: BenchReport
    type: Literal["bench-done"] = "bench-done"


@dataclass(frozen=True, slots=True)
class BenchFailed:
    problem: Problem
    type: Literal["bench-failed"] = "bench-failed"


BenchEvent = BenchProgress | BenchDone | BenchFailed
