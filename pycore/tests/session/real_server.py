"""The real API in a thread, with faults in front of it, and the page's end of an App that talks to it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import av
import numpy as np
import uvicorn

from pycore.app import App, Options
from pycore.backends.gpu import GpuBackend
from pycore.backends.native_host import NativeHost
from pycore.protocol import AppState, Processor, ProcessorKind, StateChanged, decode
from pycore.tests.running import run
from server.api.main import create_app
from server.config import Config
from server.db.database import Database
from server.db.fleet import Fleet
from server.jobs.manager import JobManager

PATIENCE = 0.02
"""Waits in tests are this share of the real ones."""

PART_BYTES = 4096
"""Of an upload: small, so that a small clip has many."""

CPU = Processor(ProcessorKind.CPU, "test CPU", True)

HANGS_S = 30
"""A limit against hanging, not a bar."""

Fault = Callable[[dict[str, Any]], str | None]
"""From an ASGI scope to what goes wrong with it: a status such as "503", "drop" (the connection breaks
without an answer), "late" (the API does its work, and then the connection breaks), "hold" (no answer ever),
"wait" (it is asked again in a moment), or None."""


class RealServer:
    """`fault` may be set at any time; `requests` notes "METHOD path" of all that came."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.config = Config(data=data, **settings)
        self.app = create_app(self.config)
        database = Database(self.config.database_url)
        self._database = database
        self.jobs = JobManager(database)
        self.fleet = Fleet(database)
        self.fault: Fault = lambda scope: None
        self.requests: list[str] = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self._serve,
                interface="asgi3",
                log_level="error",
                ws="websockets-sansio",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [self.listener]})

    def has_worker(self) -> None:
        """As if a worker with a CPU were there."""
        self.fleet.heartbeat("test", CPU)

    @property
    def puts(self) -> list[str]:
        """The uploads of parts that came."""
        return [request for request in self.requests if request.startswith("PUT /api/v1/storage/")]

    def start(self) -> None:
        self.listener.listen(64)
        self._thread.start()

    def stop(self) -> None:
        self._uvicorn.should_exit = True
        if self._thread.ident:
            self._thread.join(HANGS_S)
        self.listener.close()
        self._database.close()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        self.requests.append(f"{scope.get('method', 'WS')} {scope['path']}")
        while (fault := self.fault(scope)) == "wait":  # noqa: ASYNC110 -- decided by another thread
            await asyncio.sleep(0.01)
        if fault is None:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1011})
        if fault == "hold":
            await asyncio.Event().wait()
        if fault == "late":
            await self.app(scope, receive, _nowhere)
        if fault in ("drop", "late"):  # announcing more than comes makes uvicorn break the connection
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            return await send({"type": "http.response.body", "body": b""})
        await send(
            {"type": "http.response.start", "status": int(fault), "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})


async def _nowhere(message: Any) -> None:
    pass


@contextmanager
def real_server(data: Path, **settings: Any) -> Iterator[RealServer]:
    server = RealServer(data, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def is_put(scope: dict[str, Any]) -> bool:
    """Whether a request uploads a part."""
    return scope.get("method") == "PUT" and "/storage/" in scope["path"]


def part_number(scope: dict[str, Any]) -> int:
    """Which part such a request uploads, from 1."""
    return int(parse_qs(scope["query_string"].decode())["part"][0])


def in_a_session(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test on an event loop of its own; a Page among its arguments is started, and closed
    afterwards."""

    @wraps(test)
    def tested(**arguments: Any) -> None:
        async def session() -> None:
            async with AsyncExitStack() as stack:
                for argument in arguments.values():
                    if isinstance(argument, Page):
                        await stack.enter_async_context(argument)
                await test(**arguments)

        run(session())

    return tested


class Page:
    """What the page does: sends commands, keeps the last state, collects notices. `async with` starts the
    application, and with `server` waits until it has found its server."""

    def __init__(self, url: str, gpu: GpuBackend | None = None, *, server: bool = True) -> None:
        self.host = NativeHost(url, self._post, patience=PATIENCE)
        self.app = App(self.host, gpu, Options(software=True))
        self._server = server
        self.posted: list[dict[str, Any]] = []
        self.state = AppState()
        self.notices: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []
        self._heard = asyncio.Event()
        self._id = 0

    async def __aenter__(self) -> "Page":
        self.app.start()
        if self._server:
            await self.until(lambda state: state.server, "the server")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.close()
        await self.host.close()

    def _post(self, message: dict[str, Any]) -> None:
        self.posted.append(message)
        event = message["event"]
        if event["type"] == "state":
            self.state = decode(StateChanged, event).state
        elif event["type"] == "notice":
            self.notices.append(event["problem"])
        elif event["type"] == "frame":
            self.frames.append(event)
        self._heard.set()

    async def ask(self, type: str, attachments: Any = None, **fields: Any) -> dict[str, Any]:
        """The whole answer."""
        self._id += 1
        id = self._id
        envelope = {"id": id, "command": {"type": type, **fields}, "attachments": attachments}
        answer = await self.app.handle(envelope)
        assert answer["id"] == id
        return answer

    async def do(self, type: str, attachments: Any = None, **fields: Any) -> Any:
        """The result of a command that must succeed."""
        answer = await self.ask(type, attachments, **fields)
        assert answer["ok"], answer
        return answer["result"]

    async def open(self, path: Path, **fields: Any) -> None:
        asked = {"size": {"width": 96, "height": 64}, "duration_us": 400_000, "content_type": "video/mp4"}
        asked |= {"name": path.name, "bytes": path.stat().st_size, **fields}
        await self.do("open-media", {"file": path}, **asked)

    async def until(self, reached: Callable[[AppState], Any], what: str) -> AppState:
        """Waits for a state."""
        return await self.hear(lambda page: reached(page.state), what)

    async def hear(self, reached: Callable[["Page"], Any], what: str) -> AppState:
        """Waits until what was heard satisfies `reached`."""
        try:
            async with asyncio.timeout(HANGS_S):
                while not reached(self):
                    self._heard.clear()
                    with suppress(TimeoutError):  # `reached` may look at more than what is heard
                        await asyncio.wait_for(self._heard.wait(), 0.05)
        except TimeoutError:
            raise AssertionError(f"never: {what}; notices {self.notices}; last {self.state}") from None
        return self.state


def write_clip(path: Path, frames: int = 12, seed: int = 7) -> Path:
    """A 96x64 clip of noise (so that it has some length) at 30 fps."""
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, 64, 96, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path
