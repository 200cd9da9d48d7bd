"""What the GPU holds, as bytes in Python."""

from collections.abc import Awaitable
from typing import Any

import js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser.objects import MAP_READ, js_object
from pycore.backends.gpu import PIXEL_BYTES, BufferUsage, Texture

_ROW = 256
"""WebGPU's alignment of a row in a texture-to-buffer copy."""


class Reader:
    """Copies to buffers that the CPU may map."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._queue = device.queue
        self._free: dict[int, list[Any]] = {}
        """Buffers that `begin` may use, by size."""

    async def buffer(self, buffer: Any, size: int) -> bytes:
        """See `Device.read_buffer`."""
        copy = self._mappable(size)
        encoder = self._device.createCommandEncoder()
        encoder.copyBufferToBuffer(buffer, 0, copy, 0, size)
        return await self._once(encoder, copy)

    async def texture(self, texture: Texture) -> bytes:
        """See `Device.read_texture`."""
        width, height = texture.size.width, texture.size.height
        row = width * PIXEL_BYTES[texture.format]
        pitch = -(-row // _ROW) * _ROW
        copy = self._mappable(pitch * height)
        encoder = self._device.createCommandEncoder()
        encoder.copyTextureToBuffer(
            js_object(texture=texture.handle),
            js_object(buffer=copy, bytesPerRow=pitch),
            js_object(width=width, height=height),
        )
        data = await self._once(encoder, copy)
        return b"".join(data[line * pitch : line * pitch + row] for line in range(height))

    def begin(self, buffer: Any, size: int) -> Awaitable[bytes]:
        """See `Device.begin_read`."""
        kept = self._free.setdefault(size, [])
        copy = kept.pop() if kept else self._mappable(size)
        encoder = self._device.createCommandEncoder()
        encoder.copyBufferToBuffer(buffer, 0, copy, 0, size)
        self._queue.submit(js.Array.of(encoder.finish()))
        return self._finish(copy, copy.mapAsync(MAP_READ), size)

    async def _finish(self, copy: Any, mapped: Any, size: int) -> bytes:
        await mapped
        data = js.Uint8Array.new(copy.getMappedRange()).to_bytes()
        copy.unmap()
        self._free[size].append(copy)
        return data

    async def _once(self, encoder: Any, copy: Any) -> bytes:
        self._queue.submit(js.Array.of(encoder.finish()))
        await copy.mapAsync(MAP_READ)
        data = js.Uint8Array.new(copy.getMappedRange()).to_bytes()
        copy.destroy()
        return data

    def _mappable(self, size: int) -> Any:
        return self._device.createBuffer(js_object(size=size, usage=MAP_READ | int(BufferUsage.COPY_DST)))
