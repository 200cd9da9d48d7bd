"""The browser's surroundings: fetch, WebSocket, File, postMessage."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, create_proxy, to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser.line import WorkerLine
from pycore.backends.browser.store import BrowserStore
from pycore.backends.host import Response, Unreachable
from pycore.protocol import ReelError


class BrowserFile:
    """See MediaFile. Wraps a JavaScript File; slices are ArrayBuffers that Python only passes on."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.name = str(file.name)
        self.size = int(file.size)

    @property
    def handle(self) -> Any:
        return self._file

    async def slice(self, offset: int, length: int) -> Any:
        # Read here and not by fetch, which would call a file that has gone away a network error.
        try:
            return await self._file.slice(offset, offset + length).arrayBuffer()
        except JsException as error:
            raise ReelError.of(
                "media.unreadable",
                "The video file cannot be read any more",
                f"{self.name!r}: {error}",
                "It was moved, changed or removed since it was opened. Open it again.",
            ) from error

    async def read(self, offset: int, length: int) -> bytes:
        return (await self.slice(offset, length)).to_bytes()


class BrowserSocket:
    """See Socket."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._messages: asyncio.Queue[str | Unreachable | None] = asyncio.Queue()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._proxies = [create_proxy(f) for f in (self._on_open, self._on_message, self._on_close)]
        socket.onopen, socket.onmessage, socket.onclose = self._proxies

    async def opened(self) -> None:
        await self._opened

    async def receive(self) -> str | None:
        message = await self._messages.get()
        if isinstance(message, Unreachable):
            raise message
        return message

    async def close(self) -> None:
        """Ends it; to be called once, also after the other side has closed."""
        self._socket.onopen = self._socket.onmessage = self._socket.onclose = None
        self._socket.close()
        for proxy in self._proxies:
            proxy.destroy()

    def _on_open(self, _event: Any) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_message(self, event: Any) -> None:
        self._messages.put_nowait(event.data)

    def _on_close(self, event: Any) -> None:
        broken = Unreachable(
            f"The WebSocket to {self._socket.url} closed with code {event.code}. {event.reason}"
        )
        if not self._opened.done():
            self._opened.set_exception(broken)
        self._messages.put_nowait(None if event.code == 1000 else broken)


class BrowserHost:
    """See Host. Relative URLs are those of the page's origin. `software`: the analysis worker is told, see
    Options."""

    def __init__(self, base: str = "", software: bool = False) -> None:
        self._base = base
        self._software = software
        self.store = BrowserStore()

    def analyst(
        self, hear: Callable[[dict[str, Any]], None], died: Callable[[str], None]
    ) -> WorkerLine | None:
        if not self._base or not hasattr(js, "Worker"):
            return None
        return WorkerLine(self._base, self._software, hear, died)

    async def http(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        limit_s: float = 30.0,
    ) -> Response:
        abort = js.AbortController.new()
        request: dict[str, Any] = {"method": method, "headers": dict(headers or {}), "signal": abort.signal}
        if body is not None:
            request["body"] = to_js(body) if isinstance(body, bytes) else body
        options = to_js(request, dict_converter=js.Object.fromEntries)
        try:
            async with asyncio.timeout(limit_s):
                answer = await js.fetch(_resolve(url), options)
                content = (await answer.arrayBuffer()).to_bytes()
        except TimeoutError as error:
            raise Unreachable(f"{method} {url}: no answer within {limit_s:.0f} s") from error
        except JsException as error:
            raise Unreachable(f"{method} {url}: {error}") from error
        finally:
            abort.abort()  # no effect on what has ended; stops what was cancelled or took too long
        return Response(int(answer.status), js.Object.fromEntries(answer.headers).to_py(), content)

    async def websocket(self, url: str) -> BrowserSocket:
        socket = BrowserSocket(js.WebSocket.new(_resolve(url).replace("http", "ws", 1)))
        try:
            await socket.opened()
        except BaseException:
            await socket.close()
            raise
        return socket

    def post(self, message: dict[str, Any]) -> None:
        # JSON in one string is several times faster than one conversion per nested object.
        js.postMessage(js.JSON.parse(json.dumps(message, allow_nan=False)))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def now(self) -> float:
        return js.Date.now() / 1000

    def uuid(self) -> str:
        # Not crypto.randomUUID, which pages on plain http do not have.
        return js.crypto.getRandomValues(js.Uint8Array.new(16)).to_bytes().hex()

    def media_file(self, attachment: Any) -> BrowserFile:
        return BrowserFile(attachment)


def _resolve(url: str) -> str:
    return js.URL.new(url, js.location.origin).href
