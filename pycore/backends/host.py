"""What the application needs from where it runs, the GPU apart: HTTP, WebSockets, the opened file, messages,
time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Unreachable(Exception):
    """Nobody answered: no connection, a connection that broke, or a timeout. The message says which, in the
    host's words."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Socket(Protocol):
    """A WebSocket that is read."""

    async def receive(self) -> str | None:
        """The next text message; None once the other side has closed it in good order.

        Raises Unreachable when the connection broke.
        """
        ...

    async def close(self) -> None: ...


class MediaFile(Protocol):
    """The opened video file. Its bytes stay outside of Python except for what `read` asks for."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    @property
    def handle(self) -> Any:
        """The platform's own file, for the analysis worker."""
        ...

    async def slice(self, offset: int, length: int) -> Any:
        """A piece of the file as a request body for Host.http: opaque here, never Python bytes in the
        browser.

        Raises ReelError `media.unreadable` when the file was moved, changed or removed since it was opened.
        """
        ...

    async def read(self, offset: int, length: int) -> bytes:
        """A small piece of the file as bytes. Errors as with `slice`."""
        ...


class AnalystLine(Protocol):
    """The application's end of the analysis worker. What is sent before it is up waits for it."""

    def ask(self, request: dict[str, Any], attachments: Mapping[str, Any] | None = None) -> None:
        """Sends an encoded AnalystRequest."""
        ...

    def frame(self, frame: Any, time_us: int) -> None:
        """Hands a copy of a frame over; the frame itself stays the caller's."""
        ...

    def close(self) -> None:
        """Ends the worker."""
        ...


class Store(Protocol):
    """What this browser keeps between visits: texts by name. A full or forbidden store forgets, without a
    word."""

    async def get(self, name: str) -> str | None: ...

    async def put(self, name: str, text: str) -> None: ...


class Host(Protocol):
    """One process's surroundings. URLs may be relative to the server that the page came from."""

    async def http(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        limit_s: float = 30.0,
    ) -> Response:
        """One request. `body` is bytes or what MediaFile.slice returned; `limit_s` in seconds for the whole
        of it.

        Raises Unreachable. Cancelling the task aborts the request.
        """
        ...

    async def websocket(self, url: str) -> Socket:
        """Opens a WebSocket (http and https addresses become ws and wss). Raises Unreachable when it is
        refused."""
        ...

    def post(self, message: dict[str, Any]) -> None:
        """Sends a JSON-able message to the page."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def uuid(self) -> str:
        """A random name: 32 hexadecimal digits."""
        ...

    def analyst(
        self, hear: Callable[[dict[str, Any]], None], died: Callable[[str], None]
    ) -> AnalystLine | None:
        """Starts an analysis worker; None where there can be none. `hear` takes its events, encoded; `died`
        is called with the reason when it could not start or broke."""
        ...

    @property
    def store(self) -> Store: ...

    def media_file(self, attachment: Any) -> MediaFile:
        """The `file` attachment of an OpenMedia command (a File in the browser, a path natively) as a
        MediaFile."""
        ...
