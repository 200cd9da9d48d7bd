"""A file that Mediabunny writes: begun, completed or given up, and what its errors mean."""

from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import disk
from pycore.backends.reels import Format
from pycore.protocol import ReelError

_CHUNK_BYTES = 4 * 2**20


class Writing:
    """`output`: the Mediabunny Output into `file`, to be started once its tracks are added."""

    def __init__(self, media: Any, file: disk.File, format: Format) -> None:
        """Raises JsException."""
        self.file = file
        target = media.StreamTarget.new(file.stream, options(chunked=True, chunkSize=_CHUNK_BYTES))
        kind = media.WebMOutputFormat if format.container == "webm" else media.Mp4OutputFormat
        self.output = media.Output.new(options(format=kind.new(), target=target))

    async def finish(self) -> int:
        """The file's length in bytes. Raises ReelError `local-export.encode` and `local-export.write`."""
        try:
            await self.output.finalize()
            return await self.file.bytes()
        except JsException as error:
            raise failed(error) from error
        finally:
            self.file.free()

    async def abort(self) -> None:
        """Leaves no file behind."""
        await self.file.drop()
        try:
            await self.output.cancel()
        except JsException as error:
            js.console.warn(f"Giving an export up: {error}")
        self.file.free()


def failed(error: JsException) -> ReelError:
    """What an encoder or a file said, for people."""
    if error.name in ("QuotaExceededError", "NotAllowedError", "InvalidModificationError", "NotFoundError"):
        return disk.refused(error)
    return ReelError.of(
        "local-export.encode",
        "This browser could not encode the reel",
        str(error),
        "Choose a smaller size, or export on the server.",
        500,
    )


def options(**fields: Any) -> Any:
    """A JavaScript object of them."""
    return to_js(fields, dict_converter=js.Object.fromEntries)
