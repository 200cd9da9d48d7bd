"""A medium's pictures as they are displayed, and its sound as packets, by Mediabunny."""

from collections.abc import AsyncGenerator
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.reels import SoundPacket, TimedPicture
from pycore.protocol import ReelError, Size

_SAMPLED_PACKETS = 120
_TOLERANCE_US = 500
"""As on the server (FrameTable.trim): a frame this little before a clip's beginning belongs to it."""


class BrowserFootage:
    """See Footage."""

    def __init__(self, media: Any, input_: Any, name: str) -> None:
        self._media, self._input, self.name = media, input_, name
        self.size, self.rate, self.sound = Size(1, 1), 30.0, ""
        self.audio: Any = None
        """The Mediabunny track of the sound, or None."""
        self._video: Any = None
        self._origin_s = 0.0

    @classmethod
    async def open(cls, media: Any, file: Any) -> "BrowserFootage":
        """`media`: the Mediabunny module. Raises ReelError `local-export.cannot-decode`."""
        options = js.Object.new()
        options.source, options.formats = media.BlobSource.new(file), media.ALL_FORMATS
        footage = cls(media, media.Input.new(options), str(file.name))
        try:
            await footage._read()
        except JsException as error:
            await footage.close()
            raise _cannot_decode(footage.name, str(error)) from error
        except ReelError:
            await footage.close()
            raise
        return footage

    async def _read(self) -> None:
        video = self._video = await self._input.getPrimaryVideoTrack()
        if not video:
            raise _cannot_decode(self.name, "There is no video in it.")
        if not await video.canDecode():
            raise _cannot_decode(self.name, f"Its format is {video.codec or 'not known'}.")
        self.size = Size(int(await video.getDisplayWidth()), int(await video.getDisplayHeight()))
        self._origin_s = float(await video.getFirstTimestamp())
        rate = float((await video.computePacketStats(_SAMPLED_PACKETS)).averagePacketRate or 0)
        self.rate = rate if 1 <= rate <= 1000 else 30.0
        audio = await self._input.getPrimaryAudioTrack()
        if audio and audio.codec:
            self.audio, self.sound = audio, str(audio.codec)

    async def pictures(self, in_us: int, out_us: int) -> AsyncGenerator[TimedPicture]:
        begin, end = in_us - _TOLERANCE_US, out_us - _TOLERANCE_US
        samples = self._media.VideoSampleSink.new(self._video).samples(self._seconds(begin))
        number = 0
        try:
            while True:
                try:
                    step = await samples.next()
                except JsException as error:
                    raise _broken(self.name, f"after {number} frames: {error}") from error
                if step.done:
                    return
                sample = step.value
                time_us = self._us(sample.timestamp)
                if time_us >= end:
                    sample.close()
                    return
                number += 1
                if time_us < begin:
                    sample.close()
                    continue
                yield TimedPicture(_displayed(sample), time_us, round(float(sample.duration) * 1e6))
        finally:
            # Not awaited: a generator that is thrown away may not wait. `return` closes what was decoded
            # ahead.
            getattr(samples, "return")()

    async def packets(self, in_us: int, out_us: int | None) -> AsyncGenerator[SoundPacket]:
        if self.audio is None:
            return
        try:
            sink = self._media.EncodedPacketSink.new(self.audio)
            packet = await sink.getPacket(self._seconds(in_us))
            if not packet or in_us <= 0:  # also what primes a decoder before the first moment
                packet = await sink.getFirstPacket()
            while packet:
                begins, lasts = self._us(packet.timestamp), round(float(packet.duration) * 1e6)
                if out_us is not None and begins >= out_us:
                    return
                if in_us <= 0 or begins + lasts > in_us:
                    yield SoundPacket(begins, lasts, packet)
                packet = await sink.getNextPacket(packet)
        except JsException as error:
            raise _broken(self.name, f"in its sound: {error}") from error

    async def close(self) -> None:
        self._input.dispose()

    def _seconds(self, time_us: int) -> float:
        return self._origin_s + time_us / 1e6

    def _us(self, seconds: float) -> int:
        return round((float(seconds) - self._origin_s) * 1e6)


def _displayed(sample: Any) -> Any:
    """The sample as a VideoFrame that lies as it is displayed. Closes it."""
    try:
        coded = sample.visibleRect
        width, height = int(sample.displayWidth), int(sample.displayHeight)
        plain = not sample.rotation and not sample.flip
        if plain and (int(coded.width), int(coded.height)) == (width, height):
            return sample.toVideoFrame()
        # WebGPU imports a frame's own pixels, and browsers differ in what they make of its rotation.
        canvas = js.OffscreenCanvas.new(width, height)
        sample.draw(canvas.getContext("2d"), 0, 0, width, height)
        options = to_js({"timestamp": 0}, dict_converter=js.Object.fromEntries)
        return js.VideoFrame.new(canvas, options)
    finally:
        sample.close()


def _cannot_decode(name: str, detail: str) -> ReelError:
    return ReelError.of(
        "local-export.cannot-decode",
        "This browser cannot read the video frame by frame",
        f"{name!r}: {detail}",
        "Export it on the server, or convert it to MP4 with H.264 and open that.",
        422,
    )


def _broken(name: str, detail: str) -> ReelError:
    return ReelError.of(
        "media.decode",
        "The video could not be decoded to its end",
        f"{name!r}, {detail}",
        "It may be damaged: copy it again from where it was recorded.",
        422,
    )
