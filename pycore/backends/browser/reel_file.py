"""A reel's file: pictures encoded by WebCodecs, sound packets as they are, written by Mediabunny."""

from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import disk
from pycore.backends.browser.footage import BrowserFootage
from pycore.backends.reels import Format, SoundPacket
from pycore.protocol import ReelError

_CHUNK_BYTES = 4 * 2**20
_KEY_EVERY_S = 2.0


class BrowserReelFile:
    """See ReelFile."""

    def __init__(self, media: Any, file: disk.File, output: Any, pictures: Any) -> None:
        self.stored = file.stored
        self.canvas = js.OffscreenCanvas.new(1, 1)
        self._media, self._file, self._output, self._pictures = media, file, output, pictures
        self._sound: Any = None
        self._described: Any = None
        self._captured: Any = None

    @classmethod
    async def start(
        cls, media: Any, format: Format, footage: BrowserFootage, file: disk.File
    ) -> "BrowserReelFile":
        """Raises ReelError `local-export.write`."""
        try:
            target = media.StreamTarget.new(file.stream, _options(chunked=True, chunkSize=_CHUNK_BYTES))
            kind = media.WebMOutputFormat if format.container == "webm" else media.Mp4OutputFormat
            output = media.Output.new(_options(format=kind.new(), target=target))
            encoding = {
                "codec": format.codec,
                "quality": media.Quality.new(_options(bitrate=format.bitrate)),
                "keyFrameInterval": _KEY_EVERY_S,
            }
            pictures = media.VideoSampleSource.new(_options(**encoding))
            output.addVideoTrack(pictures)
            made = cls(media, file, output, pictures)
            if footage.audio is not None:
                await made._add_track(footage.audio)
            await output.start()
        except JsException as error:
            await file.drop()
            raise disk.refused(error) from error
        return made

    async def _add_track(self, track: Any) -> None:
        self._sound = self._media.EncodedAudioPacketSource.new(track.codec)
        self._described = _options(decoderConfig=await track.getDecoderConfig())
        self._output.addAudioTrack(self._sound)

    def capture(self, time_us: int, duration_us: int) -> None:
        timing = _options(timestamp=time_us / 1e6, duration=duration_us / 1e6)
        self._captured = self._media.VideoSample.new(self.canvas, timing)

    async def encode(self) -> None:
        sample, self._captured = self._captured, None
        try:
            await self._pictures.add(sample)
        except JsException as error:
            raise _failed(error) from error
        finally:
            sample.close()

    async def add_sound(self, packet: SoundPacket, time_us: int) -> None:
        moved = packet.handle.clone(_options(timestamp=time_us / 1e6))
        try:
            await self._sound.add(moved, self._described)
        except JsException as error:
            raise _failed(error) from error

    async def finish(self) -> int:
        try:
            await self._output.finalize()
            return await self._file.bytes()
        except JsException as error:
            raise _failed(error) from error
        finally:
            self._file.free()

    async def abort(self) -> None:
        if self._captured is not None:
            self._captured.close()
        await self._file.drop()
        try:
            await self._output.cancel()
        except JsException as error:
            js.console.warn(f"Giving an export up: {error}")
        self._file.free()


def _failed(error: JsException) -> ReelError:
    if error.name in ("QuotaExceededError", "NotAllowedError", "InvalidModificationError", "NotFoundError"):
        return disk.refused(error)
    return ReelError.of(
        "local-export.encode",
        "This browser could not encode the reel",
        str(error),
        "Choose a smaller size, or export on the server.",
        500,
    )


def _options(**fields: Any) -> Any:
    return to_js(fields, dict_converter=js.Object.fromEntries)
