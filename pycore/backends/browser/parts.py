"""A reel's parts: pictures encoded by WebCodecs, piece by piece into files of the browser's private folder,
and read again from there, by Mediabunny."""

from collections.abc import AsyncGenerator
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import disk
from pycore.backends.browser.writing import Writing, failed, options
from pycore.backends.reels import Format, PicturePacket
from pycore.protocol import ReelError

_KEY_EVERY_S = 2.0


class BrowserPart:
    """See Part."""

    def __init__(self, media: Any, writing: Writing, pictures: Any, canvas: Any) -> None:
        self._media, self._writing, self._pictures, self._canvas = media, writing, pictures, canvas
        self._captured: Any = None

    def capture(self, time_us: int, duration_us: int) -> None:
        timing = options(timestamp=time_us / 1e6, duration=duration_us / 1e6)
        self._captured = self._media.VideoSample.new(self._canvas, timing)

    async def encode(self) -> None:
        sample, self._captured = self._captured, None
        try:
            await self._pictures.add(sample)
        except JsException as error:
            raise failed(error) from error
        finally:
            sample.close()

    async def finish(self) -> int:
        return await self._writing.finish()

    async def abort(self) -> None:
        if self._captured is not None:
            self._captured.close()
        await self._writing.abort()


class BrowserParts:
    """See Parts."""

    def __init__(self, media: Any, format: Format, key: str, folder: Any) -> None:
        """`folder`: the parts' own, see disk.parts_of."""
        self.canvas = js.OffscreenCanvas.new(1, 1)
        self._media, self._format, self._key, self._folder = media, format, key, folder

    async def start(self, number: int) -> BrowserPart:
        try:
            file = await disk.File.inside(self._folder, self._name(number))
        except JsException as error:
            raise disk.refused(error) from error
        try:
            writing = Writing(self._media, file, self._format)
            encoding = {
                "codec": self._format.codec,
                "quality": self._media.Quality.new(options(bitrate=self._format.bitrate)),
                "keyFrameInterval": _KEY_EVERY_S,
            }
            pictures = self._media.VideoSampleSource.new(options(**encoding))
            writing.output.addVideoTrack(pictures)
            await writing.output.start()
        except JsException as error:
            await file.drop()
            raise disk.refused(error) from error
        return BrowserPart(self._media, writing, pictures, self.canvas)

    async def has(self, number: int) -> bool:
        try:
            handle = await self._folder.getFileHandle(self._name(number))
            return bool((await handle.getFile()).size)
        except JsException:
            return False

    async def packets(self, number: int) -> AsyncGenerator[PicturePacket]:
        reading: Any = None
        try:
            file = await (await self._folder.getFileHandle(self._name(number))).getFile()
            source = self._media.BlobSource.new(file)
            reading = self._media.Input.new(options(source=source, formats=self._media.ALL_FORMATS))
            track = await reading.getPrimaryVideoTrack()
            described = await track.getDecoderConfig()
            sink = self._media.EncodedPacketSink.new(track)
            packet = await sink.getFirstPacket()
            while packet:
                yield PicturePacket(round(float(packet.timestamp) * 1e6), (described, packet))
                packet = await sink.getNextPacket(packet)
        except JsException as error:
            raise ReelError.of(
                "local-export.part",
                "A part of the reel is gone",
                str(error),
                "Export again: it is made anew.",
                500,
            ) from error
        finally:
            if reading is not None:
                reading.dispose()

    async def drop(self) -> None:
        await disk.remove_parts(self._key)

    def _name(self, number: int) -> str:
        return f"{number}.{self._format.extension}"
