"""Where a reel is written: a file that the person chose, or one in the browser's private folder, from where
it is downloaded. Either is there as a whole, once it is closed, or not at all."""

from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, create_proxy, to_js  # pyright: ignore[reportMissingImports]

from pycore.protocol import ReelError

FOLDER = "exports"
"""In the private folder; web/ui/jobs.js downloads from it."""

PARTS = "export-parts"
"""Beside it: a folder for each reel that is being made."""

_KEPT_MS = 24 * 3600 * 1000
"""How long a reel that was not removed stays in the private folder."""


def available() -> bool:
    """Whether this browser has a private folder whose files can be written."""
    storage = getattr(js.navigator, "storage", None)
    return bool(
        storage is not None
        and hasattr(storage, "getDirectory")
        and hasattr(js, "FileSystemFileHandle")
        and hasattr(js.FileSystemFileHandle.prototype, "createWritable")
    )


class File:
    """`stream`: a WritableStream of Mediabunny's chunks. `stored`: its name in the private folder, or ""."""

    def __init__(self, handle: Any, writable: Any, stored: str, folder: Any) -> None:
        self._handle, self._writable, self.stored, self._folder = handle, writable, stored, folder
        self._dropped = False
        self._proxies = [create_proxy(self._write), create_proxy(self._close), create_proxy(self._abort)]
        sink = dict(zip(("write", "close", "abort"), self._proxies, strict=True))
        self.stream = js.WritableStream.new(to_js(sink, dict_converter=js.Object.fromEntries))

    @classmethod
    async def create(cls, target: Any, name: str) -> "File":
        """Raises JsException."""
        if target is not None:
            return cls(target, await target.createWritable(), "", None)
        folder = await _folder()
        await _remove_old(folder)
        return await cls.inside(folder, name)

    @classmethod
    async def inside(cls, folder: Any, name: str) -> "File":
        """In that folder of the private ones. Raises JsException."""
        handle = await folder.getFileHandle(name, _object(create=True))
        return cls(handle, await handle.createWritable(), name, folder)

    async def bytes(self) -> int:
        """Its length, once it is closed."""
        return int((await self._handle.getFile()).size)

    async def drop(self) -> None:
        """Leaves no file behind. Call it before whoever writes to `stream` closes that."""
        self._dropped = True
        try:
            await self._writable.abort()
            if self.stored:
                await self._folder.removeEntry(self.stored)
            elif hasattr(self._handle, "remove") and not (await self._handle.getFile()).size:
                await self._handle.remove()  # the empty file that choosing a name has made
        except JsException as error:
            js.console.warn(f"An export that was given up may have left a file: {error}")

    def free(self) -> None:
        """Of no use then."""
        for proxy in self._proxies:
            proxy.destroy()

    def _write(self, chunk: Any, _controller: Any = None) -> Any:
        return None if self._dropped else self._writable.write(chunk)

    def _close(self) -> Any:
        return None if self._dropped else self._writable.close()

    def _abort(self, _reason: Any = None) -> None:
        self._dropped = True


async def remove(name: str) -> None:
    """Takes a reel out of the private folder, if it is still there."""
    try:
        await (await _folder()).removeEntry(name)
    except JsException as error:
        js.console.warn(f"{name} could not be removed: {error}")


def refused(error: JsException) -> ReelError:
    """What the disk said, for people."""
    if error.name == "QuotaExceededError":
        return ReelError.of(
            "local-export.full",
            "There is no room for the reel",
            str(error),
            "Free some space on this device's disk, or export on the server.",
            507,
        )
    return ReelError.of(
        "local-export.write",
        "The reel could not be written",
        str(error),
        "Export again, to another place; or export on the server.",
        500,
    )


async def parts_of(key: str) -> Any:
    """The folder of a reel's parts, made where there is none; those of reels that were given up long ago are
    removed. Raises JsException."""
    every = await _folder(PARTS)
    entries = every.entries()
    while not (step := await entries.next()).done:
        name, folder = step.value
        if name != key and not await _recent(folder):
            await every.removeEntry(name, _object(recursive=True))
    return await every.getDirectoryHandle(key, _object(create=True))


async def remove_parts(key: str) -> None:
    """Takes a reel's parts away, if there are any."""
    try:
        await (await _folder(PARTS)).removeEntry(key, _object(recursive=True))
    except JsException as error:
        js.console.warn(f"The parts of a reel could not be removed: {error}")


async def _folder(name: str = FOLDER) -> Any:
    root = await js.navigator.storage.getDirectory()
    return await root.getDirectoryHandle(name, _object(create=True))


async def _recent(folder: Any) -> bool:
    """Whether any of its files is younger than _KEPT_MS."""
    files = folder.values()
    while not (step := await files.next()).done:
        if js.Date.now() - (await step.value.getFile()).lastModified <= _KEPT_MS:
            return True
    return False


async def _remove_old(folder: Any) -> None:
    entries = folder.entries()
    while not (step := await entries.next()).done:
        name, handle = step.value
        if js.Date.now() - (await handle.getFile()).lastModified > _KEPT_MS:
            await folder.removeEntry(name)


def _object(**fields: Any) -> Any:
    return to_js(fields, dict_converter=js.Object.fromEntries)
