"""The micro-benchmark: the real kernels on a 640x360 crop, bounded in time. It decides what the adapter is
good for."""

from time import perf_counter

from pycore.backends.gpu import Device, OffscreenTarget, TextureUsage
from pycore.protocol import Size
from pycore.shaders import ShaderManager
from pycore.upscaler.look import Look
from pycore.upscaler.plan import Plan
from pycore.upscaler.upscaler import Upscaler

CROP = Size(640, 360)
HOPELESS_MS = 100.0
"""A warm frame that takes longer is not measured again: it says enough."""

BATCHES = 4
FRAMES = 8
"""Frames a batch: browsers round clocks to 0.1 ms, and waiting for the GPU costs about as much."""


async def measure(device: Device, shaders: ShaderManager, plan: Plan) -> float:
    """Milliseconds per 640x360 frame, the best of a few batches; about 0.1 s on a GPU, never more than two
    frames on a slow one. Shader compilation is not counted. Frame and canvas are textures, whatever they are
    in `plan`. Raises ReelError (see ShaderManager)."""
    target = OffscreenTarget(device)
    upscaler = Upscaler(device, shaders, plan.onto_textures(target.format))
    source = device.create_texture(CROP, "rgba8unorm", TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST)
    await upscaler.prepare()
    upscaler.show(Look(0, 0, CROP.width, CROP.height), target)
    steps = upscaler.steps(source)

    async def batch(frames: int) -> float:
        started = perf_counter()
        for _ in range(frames):
            device.submit(steps)
        await device.done()
        return (perf_counter() - started) * 1000 / frames

    await batch(1)  # drivers finish compiling with the first use
    best = await batch(1)
    if best < HOPELESS_MS:
        best = min([best, *[await batch(FRAMES) for _ in range(BATCHES)]])
    upscaler.free()
    device.free_texture(source)
    device.free_texture(target.texture)
    return best
