"""Compute passes: encoding them, and the GPU's own clock around them."""

import struct
from collections.abc import Sequence
from typing import Any

import js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser.objects import MAP_READ, js_object
from pycore.backends.gpu import BufferUsage, Dispatch

_QUERY_RESOLVE = 0x0200


class Clock:
    """The GPU's own clock around a compute pass. One measurement at a time."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._queries = device.createQuerySet(js_object(type="timestamp", count=2))
        copied = int(BufferUsage.COPY_SRC)
        self._resolved = device.createBuffer(js_object(size=16, usage=_QUERY_RESOLVE | copied))
        self._read = device.createBuffer(js_object(size=16, usage=MAP_READ | int(BufferUsage.COPY_DST)))
        self._descriptor = js_object(
            timestampWrites={
                "querySet": self._queries,
                "beginningOfPassWriteIndex": 0,
                "endOfPassWriteIndex": 1,
            }
        )

    async def run_ms(self, dispatches: Sequence[Dispatch], rounds: int) -> float:
        encoder = self._device.createCommandEncoder()
        encode(encoder.beginComputePass(self._descriptor), [*dispatches] * rounds)
        encoder.resolveQuerySet(self._queries, 0, 2, self._resolved, 0)
        encoder.copyBufferToBuffer(self._resolved, 0, self._read, 0, 16)
        self._device.queue.submit(js.Array.of(encoder.finish()))
        await self._read.mapAsync(MAP_READ)
        began, ended = struct.unpack("<2Q", js.Uint8Array.new(self._read.getMappedRange()).to_bytes())
        self._read.unmap()
        return (ended - began) / 1e6


def encode(compute: Any, dispatches: Sequence[Dispatch]) -> None:
    """Into a compute pass, which it ends."""
    set_pipeline, set_bind_group, dispatch = (
        compute.setPipeline,
        compute.setBindGroup,
        compute.dispatchWorkgroups,
    )
    for pipeline, bindings, x, y in dispatches:
        set_pipeline(pipeline)
        set_bind_group(0, bindings)
        dispatch(x, y)
    compute.end()
