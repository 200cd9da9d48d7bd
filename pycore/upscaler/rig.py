"""A net on noise, all layers by the plainest kernel and nothing fused: what other ways of computing its
stages are compared with, in time and in what they give."""

import os
from collections.abc import Sequence
from dataclasses import replace

from pycore.backends.gpu import Device, Dispatch, FrameKind, OffscreenTarget, Texture, TextureUsage
from pycore.protocol import Size
from pycore.shaders import ShaderManager
from pycore.upscaler.look import Look
from pycore.upscaler.plan import Stage, plan_for, weights_name
from pycore.upscaler.upscaler import Upscaler
from pycore.upscaler.weights import Conv, Packing

CHECKED = Size(38, 22)
"""The crop on which every other way must give what the plainest gives: cells in odd numbers, several
workgroups. Even itself, for nothing writes luma outside of the crop."""

TOLERANCE = 2e-3
"""Of values around one. Halves have 11 bits, and sums come in another order: that is 5e-4."""


class Rig:
    """Call `prepare` once."""

    def __init__(self, device: Device, shaders: ShaderManager, net: Sequence[Conv], size: Size) -> None:
        self._device = device
        self._target = OffscreenTarget(device)
        every = {weights_name(i, p): conv.pack(p) for i, conv in enumerate(net) for p in Packing}
        plan = plan_for(FrameKind.TEXTURE, self._target.format, net)
        self.upscaler = Upscaler(device, shaders, replace(plan, uniforms=every))
        self.size = size
        usage = TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST
        self._frame = device.create_texture(size, "rgba8unorm", usage)

    async def prepare(self) -> None:
        """Draws a frame. Raises ReelError (see ShaderManager)."""
        await self.upscaler.prepare()
        self.upscaler.show(Look(0, 0, self.size.width, self.size.height, sharpness=0.0), self._target)
        self.frame()
        self._device.submit(self.upscaler.steps(self._frame))
        await self._device.done()

    def frame(self) -> None:
        """Other noise, for what is drawn next."""
        self._device.write_texture(self._frame, os.urandom(4 * self.size.width * self.size.height))

    async def step(self, stage: Stage) -> Dispatch:
        """A stage of a plan for textures, on what the net has. Raises ReelError (see ShaderManager)."""
        bound = {"frame": self._frame, "canvas": self.canvas}.get(stage.binds[0])
        return await self.upscaler.alternative(stage, bound)

    @property
    def canvas(self) -> Texture:
        return self._target.texture

    @property
    def format(self) -> str:
        return self._target.format

    def free(self) -> None:
        self.upscaler.free()
        self._device.free_texture(self._frame)
        self._target.free()
