"""The micro-benchmark: the real kernels on a 640x360 crop, bounded in time. It decides what the adapter is
good for."""

from pycore.backends.gpu import Device, OffscreenTarget, TextureUsage
from pycore.protocol import Size
from pycore.shaders import ShaderManager
from pycore.upscaler.look import Look
from pycore.upscaler.plan import Plan
from pycore.upscaler.timing import Effort, milliseconds
from pycore.upscaler.upscaler import Upscaler

CROP = Size(640, 360)
EFFORT = Effort(target_ms=8.0, tries=4)


async def measure(device: Device, shaders: ShaderManager, plan: Plan) -> float:
    """Milliseconds per 640x360 frame on the GPU, the best of a few batches; about 0.1 s on a GPU, never more
    than two frames on a slow one. Shader compilation is not counted. Frame and canvas are textures, whatever
    they are in `plan`. Raises ReelError (see ShaderManager)."""
    target = OffscreenTarget(device)
    upscaler = Upscaler(device, shaders, plan.onto_textures(target.format))
    source = device.create_texture(CROP, "rgba8unorm", TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST)
    await upscaler.prepare()
    upscaler.show(Look(0, 0, CROP.width, CROP.height, sharpness=0.0), target)
    steps = upscaler.steps(source)

    best = await milliseconds(device, steps, EFFORT)
    upscaler.free()
    device.free_texture(source)
    device.free_texture(target.texture)
    return best
