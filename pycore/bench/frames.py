"""A tier's frames: the same plan and kernels as the preview's, from a texture onto a texture."""

import math
import os

from pycore.backends.gpu import Device, OffscreenTarget, TextureUsage
from pycore.bench.limits import Limits
from pycore.protocol import FrameTime, KernelTime, Size, StageTime, Tier
from pycore.shaders import ShaderManager
from pycore.upscaler.look import Look
from pycore.upscaler.plan import plan_for
from pycore.upscaler.timing import Effort, milliseconds
from pycore.upscaler.tuner import Tuning
from pycore.upscaler.upscaler import Upscaler, cells_of
from pycore.upscaler.weights import Conv, parse

WARM_MS = 120.0


async def net_of(device: Device, tier: Tier) -> list[Conv]:
    """A tier's convolutions; none for the base tier."""
    return [] if tier is Tier.BASE else parse(await device.load_model(tier.lower()), tier.lower())


def tried(tuning: Tuning) -> list[KernelTime]:
    """What the tuner timed, as it is told."""
    return [
        KernelTime(layer, each.kernel, each.ms if math.isfinite(each.ms) else None)
        for layer, timed in tuning.timed.items()
        for each in timed
    ]


async def frame_time(
    device: Device,
    shaders: ShaderManager,
    limits: Limits,
    peak_tflops: float,
    tier: Tier,
    size: Size,
    effort: Effort,
    tuning: Tuning,
    *,
    each_stage: bool,
    warm_ms: float = WARM_MS,
) -> FrameTime:
    net = await net_of(device, tier)
    target = OffscreenTarget(device)
    plan = plan_for(device.frame_kind, target.format, net, tuning.kernels, tuning.fused)
    plan = plan.onto_textures(target.format)
    upscaler = Upscaler(device, shaders, plan)
    await upscaler.prepare()
    upscaler.show(Look(0, 0, size.width, size.height, sharpness=0.0), target)
    frame = device.create_texture(size, "rgba8unorm", TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST)
    device.write_texture(frame, os.urandom(size.width * size.height * 4))
    steps = upscaler.steps(frame)
    await limits.warm(warm_ms)
    whole = await milliseconds(device, steps, effort)
    stages: list[StageTime] = []
    share = 0.0
    if each_stage:
        cells = cells_of(size)
        inner_flop = inner_ms = 0.0
        layers = iter(enumerate(net))
        for stage, step in zip(plan.drawing(sharpened=False), steps, strict=True):
            name = stage.name
            took = await milliseconds(device, [step], effort)
            flop = 0.0
            if name.startswith("conv"):
                index, conv = next(layers)
                flop = 2.0 * 9 * conv.inputs * conv.outputs * cells.width * cells.height
                if 0 < index < len(net) - 1:
                    inner_flop, inner_ms = inner_flop + flop, inner_ms + took
            stages.append(StageTime(name, stage.kernel, took, flop / took / 1e9 / peak_tflops))
        share = inner_flop / inner_ms / 1e9 / peak_tflops if inner_ms else 0.0
    upscaler.free()
    device.free_texture(frame)
    device.free_texture(target.texture)
    return FrameTime(tier, size.width, size.height, whole, share, stages)
