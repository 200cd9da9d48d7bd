"""Whether a net's first and last layer shall do the work of their neighbours too: fused, unless the GPU at
hand is a tenth faster with two stages, or draws something else with one."""

import struct
from collections.abc import Awaitable, Callable, Sequence

from pycore.backends.gpu import Device, FrameKind
from pycore.protocol import ReelError
from pycore.shaders import ShaderManager
from pycore.upscaler.kernels import Kernel
from pycore.upscaler.plan import (
    FEATURES,
    HALF_BYTES,
    Fused,
    Stage,
    compose,
    first_fused,
    ingest,
    last_fused,
    layer,
)
from pycore.upscaler.rig import CHECKED, TOLERANCE, Rig
from pycore.upscaler.timing import GAIN, Effort, compared
from pycore.upscaler.upscaler import cells_of
from pycore.upscaler.weights import Conv

_STEPS = 510
"""What 8 bits are divided by, so that TOLERANCE allows one step: sums come in another order."""


async def fuse(
    device: Device,
    shaders: ShaderManager,
    rig: Rig,
    net: Sequence[Conv],
    kernels: Sequence[Kernel],
    effort: Effort,
) -> Fused:
    """Times both ways on `rig`, the layers computed by `kernels`. Raises ReelError when the split stages
    cannot be had."""
    first = [ingest(FrameKind.TEXTURE), layer(0, net, kernels[0])]
    last = [layer(len(net) - 1, net, kernels[-1]), compose(rig.format)]
    one_first = first_fused(FrameKind.TEXTURE, net, kernels[0])
    one_last = last_fused(rig.format, net, kernels[-1])
    small = Rig(device, shaders, net, CHECKED)
    await small.prepare()
    made = net[0].outputs * HALF_BYTES * cells_of(CHECKED).width * cells_of(CHECKED).height

    async def layer_made() -> list[float]:
        features = await device.read_buffer(small.upscaler.buffer(FEATURES[0]), made)
        source = await device.read_texture(small.upscaler.surface("source"))
        return [each for data in (features, source) for (each,) in struct.iter_unpack("<e", data)]

    async def drawn() -> list[float]:
        return [each / _STEPS for each in await device.read_texture(small.canvas)]

    async def same(one: Stage, two: Sequence[Stage], read: Callable[[], Awaitable[list[float]]]) -> bool:
        """Whether both give the same of a frame that is new to them."""
        lanczos = await small.step(small.upscaler.plan.stages[0])
        small.frame()
        try:
            device.submit([lanczos, await small.step(one)])
        except ReelError:
            return False
        got = await read()
        device.submit([lanczos, *[await small.step(each) for each in two]])
        pairs = zip(got, await read(), strict=True)
        return all(abs(a - b) <= TOLERANCE * max(1.0, abs(b)) for a, b in pairs)

    async def stays(one: Stage, two: Sequence[Stage]) -> bool:
        ways = [[await rig.step(one)], [await rig.step(each) for each in two]]
        fused, split = await compared(device, ways, effort)
        return fused <= split * GAIN

    alike = await same(one_first, first, layer_made), await same(one_last, last, drawn)
    small.free()
    return Fused(alike[0] and await stays(one_first, first), alike[1] and await stays(one_last, last))
