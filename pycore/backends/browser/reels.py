"""This browser's codecs and disk, by Mediabunny, WebCodecs and the File System API."""

from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import disk
from pycore.backends.browser.footage import BrowserFootage
from pycore.backends.browser.parts import BrowserParts
from pycore.backends.browser.reel_file import BrowserReelFile
from pycore.backends.reels import Footage, Format, Parts, ReelFile
from pycore.protocol import ReelError, Size

_CODECS = (("avc", "H.264"), ("vp9", "VP9"), ("av1", "AV1"))
"""What is asked for, in this order: H.264 plays everywhere."""

_BITS_PER_PIXEL = 0.15
"""At 1080x1920 and 30 frames per second 9 Mbit/s: what phones film with, and platforms ask for."""
_LEAST_BITRATE = 1_000_000
_MOST_BITRATE = 80_000_000


class BrowserReels:
    """See Reels. `base`: address that dist/ lies under, with its final slash."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._media: Any = None

    async def open(self, file: Any) -> BrowserFootage:
        return await BrowserFootage.open(await self._module(), file)

    async def format(self, size: Size, rate: float, sound: str) -> Format | None:
        if not hasattr(js, "VideoEncoder") or not disk.available():
            return None
        media = await self._module()
        pixels = size.width * size.height * rate
        bitrate = round(min(max(pixels * _BITS_PER_PIXEL, _LEAST_BITRATE), _MOST_BITRATE))
        for codec, label in _CODECS:
            container = "webm" if codec != "avc" and _holds(media.WebMOutputFormat, sound) else "mp4"
            if container == "mp4" and not _holds(media.Mp4OutputFormat, sound):
                continue
            asked = {
                "width": size.width,
                "height": size.height,
                "frameRate": rate,
                "quality": media.Quality.new(_options(bitrate=bitrate)),
            }
            if await media.canEncodeVideo(codec, _options(**asked)):
                return Format(codec, container, label, container, bitrate)
        return None

    async def create(self, format: Format, footage: Footage, target: Any, name: str) -> ReelFile:
        assert isinstance(footage, BrowserFootage)
        media = await self._module()
        try:
            file = await disk.File.create(target, f"{name}.{format.extension}")
        except JsException as error:
            raise disk.refused(error) from error
        return await BrowserReelFile.start(media, format, footage, file)

    async def parts(self, format: Format, key: str) -> Parts:
        try:
            folder = await disk.parts_of(key)
        except JsException as error:
            raise disk.refused(error) from error
        return BrowserParts(await self._module(), format, key, folder)

    async def _module(self) -> Any:
        if self._media is None:
            try:
                self._media = await js.importModule(f"{self._base}mediabunny/mediabunny.min.mjs")
            except JsException as error:
                raise ReelError.of(
                    "local-export.module",
                    "A part of the page could not be loaded",
                    f"mediabunny: {error}",
                    "Reload the page.",
                    500,
                ) from error
        return self._media


def _holds(format: Any, sound: str) -> bool:
    return not sound or sound in list(format.new().getSupportedAudioCodecs())


def _options(**fields: Any) -> Any:
    return to_js(fields, dict_converter=js.Object.fromEntries)
