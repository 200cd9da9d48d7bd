"""CPython's surroundings: httpx, websockets and files on disk. For tests, and for driving the application
without a browser."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, WebSocketException

from pycore.backends.host import Response, Unreachable
from pycore.protocol import ReelError


@dataclass(frozen=True, slots=True)
class _Slice:
    """A piece of a file, read when it is sent."""

    path: Path
    offset: int
    length: int

    def read(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


class NativeFile:
    """See MediaFile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name
        self.size = path.stat().st_size

    @property
    def handle(self) -> Path:
        return self._path

    async def slice(self, offset: int, length: int) -> _Slice:
        self._check()
        return _Slice(self._path, offset, length)

    async def read(self, offset: int, length: int) -> bytes:
        self._check()
        return _Slice(self._path, offset, length).read()

    def _check(self) -> None:
        if not self._path.is_file() or self._path.stat().st_size != self.size:
            raise ReelError.of(
                "media.unreadable",
                "The video file cannot be read any more",
                f"{self.name!r} was moved, changed or removed since it was opened.",
                "Open it again.",
            )


class NativeSocket:
    """See Socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> str | None:
        try:
            message = await self._connection.recv()
        except ConnectionClosedOK:
            return None
        except (WebSocketException, OSError) as error:
            raise Unreachable(f"The WebSocket broke: {error}") from error
        return message if isinstance(message, str) else message.decode()

    async def close(self) -> None:
        await self._connection.close()


class MemoryStore:
    """See Store."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        return self.texts.get(name)

    async def put(self, name: str, text: str) -> None:
        self.texts[name] = text


class NativeHost:
    """See Host. `base` is the server's address; `post` takes the messages for the page; waits last `patience`
    times as long as asked."""

    def __init__(self, base: str, post: Callable[[dict[str, Any]], None], *, patience: float = 1.0) -> None:
        self._base = base
        self._patience = patience
        self._client = httpx.AsyncClient(follow_redirects=True)
        self.store = MemoryStore()
        self._post = post

    async def http(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        limit_s: float = 30.0,
    ) -> Response:
        content = body.read() if isinstance(body, _Slice) else body
        try:
            async with asyncio.timeout(limit_s):
                answer = await self._client.request(
                    method, urljoin(self._base, url), headers=headers, content=content, timeout=None
                )
        except TimeoutError as error:
            raise Unreachable(f"{method} {url}: no answer within {limit_s:.0f} s") from error
        except httpx.TransportError as error:
            raise Unreachable(f"{method} {url}: {error or type(error).__name__}") from error
        return Response(answer.status_code, dict(answer.headers), answer.content)

    async def websocket(self, url: str) -> NativeSocket:
        address = urljoin(self._base, url).replace("http", "ws", 1)
        try:
            return NativeSocket(await connect(address))
        except (WebSocketException, OSError) as error:
            raise Unreachable(f"WebSocket {url}: {error}") from error

    def post(self, message: dict[str, Any]) -> None:
        self._post(message)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._patience)

    def now(self) -> float:
        return time.time()

    def uuid(self) -> str:
        return uuid.uuid4().hex

    def analyst(self, hear: Callable[[dict[str, Any]], None], died: Callable[[str], None]) -> None:
        return None

    def media_file(self, attachment: Any) -> NativeFile:
        return NativeFile(Path(attachment))

    async def close(self) -> None:
        await self._client.aclose()
