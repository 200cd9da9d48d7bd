"""The whole bench, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pycore.backends.gpu import Device, Frame
from pycore.bench.cost import frame_cost
from pycore.bench.frames import frame_time, net_of, tried
from pycore.bench.limits import Limits
from pycore.protocol import BenchProgress, BenchReport, FrameCost, FrameTime, ReelError, Size, Tier
from pycore.shaders import ShaderManager
from pycore.upscaler.plan import Fused
from pycore.upscaler.timing import Effort
from pycore.upscaler.tuner import Tuning, tune

STAGES_AT = Size(1280, 720)
"""Stages are timed one by one at this size, or at the first where it is not asked for."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done. `smoke` only shows that it all runs, on a software adapter."""

    effort: Effort = field(default_factory=Effort)
    fma_work: int = 8192
    copy_bytes: int = 1 << 27
    warm_ms: float = 120.0
    cost_frames: int = 300
    tunes: bool = True

    @classmethod
    def smoke(cls) -> "Scale":
        return cls(Effort(0.0, 1), fma_work=1, copy_bytes=1 << 16, warm_ms=0.0, cost_frames=2, tunes=False)


async def run(
    device: Device,
    sizes: Sequence[Size],
    scale: Scale,
    tell: Callable[[BenchProgress], None],
    canvas: Any = None,
    frame: Callable[[Size], Frame] | None = None,
) -> BenchReport:
    """Measures the GPU's limits, then every tier at every size, then with `canvas` and `frame` (a maker of
    frames) what a frame costs on this thread. Raises ReelError (see ShaderManager), "gpu.failed" when the GPU
    reported an error."""
    detailed = STAGES_AT if STAGES_AT in sizes else sizes[0]
    total = 2 + (len(sizes) + scale.tunes) * len(Tier) + (canvas is not None)
    done = 0

    def step(message: str) -> None:
        nonlocal done
        tell(BenchProgress(done, total, message))
        done += 1

    shaders = ShaderManager(device)
    limits = Limits(device, scale.effort, scale.fma_work, scale.copy_bytes)
    step("The GPU's multiply-adds")
    await limits.prepare(shaders)
    await limits.warm(3 * scale.warm_ms)
    peak = await limits.peak_tflops()
    step("Copying in the GPU's memory")
    copied = await limits.copy_gbs()
    tunings: dict[Tier, Tuning] = {}
    for tier in Tier if scale.tunes else ():
        step(f"Choosing the kernels of tier {tier}")
        await limits.warm(scale.warm_ms)
        tunings[tier] = await tune(device, shaders, await net_of(device, tier), detailed)
    frames: list[FrameTime] = []
    for size in sizes:
        for tier in Tier:
            step(f"Tier {tier}, {size.width}x{size.height}")
            tuning = tunings.get(tier, Tuning((), Fused()))
            took = await frame_time(
                device,
                shaders,
                limits,
                peak,
                tier,
                size,
                scale.effort,
                tuning,
                each_stage=size == detailed,
                warm_ms=scale.warm_ms,
            )
            frames.append(replace(took, tried=tried(tuning)) if size == detailed else took)
    cost: FrameCost | None = None
    if canvas is not None and frame is not None:
        step("Python's share of a frame")
        cost = await frame_cost(device, canvas, frame, detailed, Tier.M, scale.cost_frames)
    if error := device.take_error():
        raise ReelError.of("gpu.failed", "The GPU failed during the bench", error, "Try again.", status=500)
    facts = device.facts
    return BenchReport(
        vendor=facts.vendor,
        architecture=facts.architecture,
        description=facts.description,
        software=facts.software,
        features=sorted(device.features),
        timestamps="timestamp-query" in device.features,
        peak_tflops=peak,
        copy_gbs=copied,
        frames=frames,
        cost=cost,
    )
