"""A reel's file: packets of pictures and of sound as they are, written by Mediabunny."""

from typing import Any

from pyodide.ffi import JsException  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import disk
from pycore.backends.browser.footage import BrowserFootage
from pycore.backends.browser.writing import Writing, failed, options
from pycore.backends.reels import Format, PicturePacket, SoundPacket


class BrowserReelFile:
    """See ReelFile."""

    def __init__(self, writing: Writing, pictures: Any) -> None:
        self.stored = writing.file.stored
        self._writing, self._pictures = writing, pictures
        self._pictures_are: Any = None
        self._sound: Any = None
        self._sound_is: Any = None

    @classmethod
    async def start(
        cls, media: Any, format: Format, footage: BrowserFootage, file: disk.File
    ) -> "BrowserReelFile":
        """Raises ReelError `local-export.write`."""
        try:
            writing = Writing(media, file, format)
            pictures = media.EncodedVideoPacketSource.new(format.codec)
            writing.output.addVideoTrack(pictures)
            made = cls(writing, pictures)
            if footage.audio is not None:
                made._sound = media.EncodedAudioPacketSource.new(footage.audio.codec)
                made._sound_is = options(decoderConfig=await footage.audio.getDecoderConfig())
                writing.output.addAudioTrack(made._sound)
            await writing.output.start()
        except JsException as error:
            await file.drop()
            raise disk.refused(error) from error
        return made

    async def add_picture(self, packet: PicturePacket, time_us: int) -> None:
        described, handle = packet.handle
        if self._pictures_are is None:
            self._pictures_are = options(decoderConfig=described)
        await _add(self._pictures, handle, time_us, self._pictures_are)

    async def add_sound(self, packet: SoundPacket, time_us: int) -> None:
        await _add(self._sound, packet.handle, time_us, self._sound_is)

    async def finish(self) -> int:
        return await self._writing.finish()

    async def abort(self) -> None:
        await self._writing.abort()


async def _add(track: Any, packet: Any, time_us: int, described: Any) -> None:
    try:
        await track.add(packet.clone(options(timestamp=time_us / 1e6)), described)
    except JsException as error:
        raise failed(error) from error
