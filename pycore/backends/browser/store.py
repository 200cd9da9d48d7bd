"""What this browser keeps: texts in IndexedDB, which insecure pages have as well (they lack OPFS)."""

import asyncio
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import create_once_callable  # pyright: ignore[reportMissingImports]

_DATABASE, _TABLE = "reelballers", "texts"


class BrowserStore:
    """See Store."""

    def __init__(self) -> None:
        self._database: Any = None

    async def get(self, name: str) -> str | None:
        try:
            found = await _ended((await self._table("readonly")).get(name))
        except OSError:
            return None
        return str(found) if isinstance(found, str) else None

    async def put(self, name: str, text: str) -> None:
        try:
            await _ended((await self._table("readwrite")).put(text, name))
        except OSError as error:
            js.console.warn(f"This browser keeps nothing: {error}")

    async def _table(self, mode: str) -> Any:
        if self._database is None:
            if not getattr(js, "indexedDB", None):
                raise OSError("it has no IndexedDB")
            opening = js.indexedDB.open(_DATABASE, 1)
            opening.onupgradeneeded = create_once_callable(
                lambda _: opening.result.createObjectStore(_TABLE) and None
            )
            self._database = await _ended(opening)
        return self._database.transaction(_TABLE, mode).objectStore(_TABLE)


async def _ended(request: Any) -> Any:
    """The result of an IDBRequest. Raises OSError."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def succeeded(_: Any) -> None:
        done.set_result(request.result)

    def failed(_: Any) -> None:
        done.set_exception(OSError(str(request.error)))

    request.onsuccess, request.onerror = create_once_callable(succeeded), create_once_callable(failed)
    return await done
