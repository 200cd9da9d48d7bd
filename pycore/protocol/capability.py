"""What a machine can do, and which processor is at work."""

from dataclasses import dataclass
from enum import StrEnum


class WebGPULevel(StrEnum):
    NONE = "none"
    LIMITED = "webgpu-limited"
    FULL = "webgpu-full"


class Fallback(StrEnum):
    RUNPOD = "runpod"
    """No WebGPU: everything heavy is the server's (or RunPod's)."""
    RUNPOD_HEAVY = "runpod-heavy"
    """Limited WebGPU: previews here, heavy exports elsewhere."""


class Tier(StrEnum):
    """The preview's quality step. `base` is the non-neural scaler; S, M, L are nets of growing size."""

    BASE = "base"
    S = "S"
    M = "M"
    L = "L"


@dataclass(frozen=True, slots=True)
class Capability:
    """What the browser's GPU can do, and why we say so.

    `reason` is one sentence for people ("This page was opened over http from another machine, so the browser
    hides WebGPU."). `bench_ms` is the measured time of the real kernels for one 640x360 frame in
    milliseconds, null when nothing was measured.
    """

    level: WebGPULevel
    reason: str
    fallback: Fallback | None = None
    vendor: str = ""
    architecture: str = ""
    software: bool = False
    tier: Tier | None = None
    bench_ms: float | None = None
    max_buffer_bytes: int = 0
    features: list[str] | None = None


class ProcessorKind(StrEnum):
    WEBGPU = "webgpu"
    CUDA = "cuda"
    MPS = "mps"
    CPU = "cpu"
    RUNPOD = "runpod"


@dataclass(frozen=True, slots=True)
class Processor:
    """Something that can do work, as shown to people. `name` is the device's ("NVIDIA H200", "AMD EPYC"),
    `available` false comes with a `reason`."""

    kind: ProcessorKind
    name: str
    available: bool
    reason: str = ""
