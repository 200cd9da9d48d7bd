"""What this GPU can do at all: fused multiply-adds, and copying."""

import struct

from pycore.backends.gpu import BufferUsage, Device, Dispatch
from pycore.shaders import ShaderManager
from pycore.upscaler.timing import Effort, milliseconds

_FLOP = 2 * 4 * 16 * 512 * 256
"""Of one workgroup of bench_fma.wgsl: a multiply and an add, vec4s, chains, loops, invocations."""

_COPY_THREADS = 256
_COPY_WORKGROUP_BYTES = _COPY_THREADS * 16


class Limits:
    """`work`: workgroups of the multiply-adds; 8192 fill any GPU of today several times over. `copy_bytes`:
    more than any cache."""

    def __init__(self, device: Device, effort: Effort, work: int = 8192, copy_bytes: int = 1 << 27) -> None:
        self._device = device
        self._effort = effort
        self._work = work
        self._copy_groups = min(copy_bytes // _COPY_WORKGROUP_BYTES, 65535)
        self._fma: Dispatch | None = None

    async def prepare(self, shaders: ShaderManager) -> None:
        """Raises ReelError (see ShaderManager)."""
        pipeline = await shaders.compute(("bench_fma",))
        given = self._device.create_buffer(32, BufferUsage.UNIFORM | BufferUsage.COPY_DST)
        self._device.write_buffer(given, struct.pack("<8f", *[0.5] * 8))
        out = self._device.create_buffer(16, BufferUsage.STORAGE)
        self._fma = Dispatch(pipeline, self._device.bind(pipeline, [out, given]), self._work, 1)
        self._copy = await shaders.compute(("bench_copy",))

    async def warm(self, ms: float) -> None:
        """Keeps the GPU busy for about that long: an idle one has a slow clock."""
        assert self._fma
        spent = 0.0
        while spent < ms:
            spent += max(0.1, await self._device.run_ms([self._fma], 4))

    async def peak_tflops(self) -> float:
        """10^12 f32 operations a second in fused multiply-adds, two each."""
        assert self._fma
        return _FLOP * self._work / await milliseconds(self._device, [self._fma], self._effort) / 1e9

    async def copy_gbs(self) -> float:
        """10^9 bytes a second, read and written ones counted."""
        size = self._copy_groups * _COPY_WORKGROUP_BYTES
        buffers = [self._device.create_buffer(size, BufferUsage.STORAGE) for _ in range(2)]
        copy = Dispatch(self._copy, self._device.bind(self._copy, buffers), self._copy_groups, 1)
        took = await milliseconds(self._device, [copy], self._effort)
        for buffer in buffers:
            self._device.free_buffer(buffer)
        return 2 * size / took / 1e6
