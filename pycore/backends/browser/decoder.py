"""A file's pictures in order, by Mediabunny and the browser's own decoders."""

from collections.abc import AsyncGenerator
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException  # pyright: ignore[reportMissingImports]

from pycore.detection.decoder import Picture
from pycore.detection.view import Turn
from pycore.protocol import ReelError, Size

_SAMPLED_PACKETS = 120
"""By which the frame rate is told."""


class BrowserDecoder:
    """See `Decoder`."""

    def __init__(self, input_: Any, sink: Any, name: str, display: Size, turn: Turn, rate: float) -> None:
        self._input, self._sink, self._name = input_, sink, name
        self.display, self.turn, self.rate = display, turn, rate

    @classmethod
    async def open(cls, media: Any, file: Any) -> "BrowserDecoder":
        """`media`: the Mediabunny module. Raises ReelError `analysis.cannot-decode`."""
        options = js.Object.new()
        options.source, options.formats = media.BlobSource.new(file), media.ALL_FORMATS
        input_ = media.Input.new(options)
        try:
            track = await input_.getPrimaryVideoTrack()
            if not track:
                raise _cannot_decode(file.name, "There is no video in it.")
            if not await track.canDecode():
                raise _cannot_decode(file.name, f"Its format is {track.codec or 'not known'}.")
            stats = await track.computePacketStats(_SAMPLED_PACKETS)
        except JsException as error:
            input_.dispose()
            raise _cannot_decode(file.name, str(error)) from error
        except ReelError:
            input_.dispose()
            raise
        display = Size(int(track.displayWidth), int(track.displayHeight))
        rotation = int(track.rotation)
        coded = Size(display.height, display.width) if rotation % 180 else display
        rate = float(stats.averagePacketRate or 0)
        rate = rate if 1 <= rate <= 1000 else 30.0
        return cls(
            input_, media.VideoSampleSink.new(track), str(file.name), display, Turn(coded, rotation), rate
        )

    async def pictures(self, every: int = 1) -> AsyncGenerator[Picture, None]:
        samples = self._sink.samples()
        first_s = 0.0
        number = 0
        skipped: Any = None
        try:
            while not (step := await self._next(samples, number)).done:
                if skipped is not None:
                    skipped.close()
                    skipped = None
                sample = step.value
                first_s = first_s if number else float(sample.timestamp)
                number += 1
                if (number - 1) % every:
                    skipped = sample
                else:
                    yield _picture(sample, first_s)
            if skipped is not None:
                last, skipped = skipped, None
                yield _picture(last, first_s)
        finally:
            if skipped is not None:
                skipped.close()
            # Not awaited: a generator that is thrown away may not wait. `return` closes what was decoded
            # ahead.
            getattr(samples, "return")()

    async def _next(self, samples: Any, number: int) -> Any:
        try:
            return await samples.next()
        except JsException as error:
            raise ReelError.of(
                "media.decode",
                "The video could not be decoded to its end",
                f"{self._name!r}, after {number} frames: {error}",
                "It may be damaged: copy it again from where it was recorded.",
                422,
            ) from error

    async def close(self) -> None:
        self._input.dispose()


def _picture(sample: Any, first_s: float) -> Picture:
    frame = sample.toVideoFrame()
    seconds = float(sample.timestamp)
    sample.close()
    return Picture(frame, round((seconds - first_s) * 1e6))


def _cannot_decode(name: str, detail: str) -> ReelError:
    return ReelError.of(
        "analysis.cannot-decode",
        "This browser cannot look at the video frame by frame",
        f"{name!r}: {detail}",
        "Convert it to MP4 with H.264 and open that.",
        422,
    )
