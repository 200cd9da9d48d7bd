"""A task's files: fetched and stored by the URLs that came with it, through the guard."""

import random
from collections.abc import Callable
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx

from pycore.protocol import ReelError
from server.gpu.base import Stopped
from server.net.guard import Halted, fetch, shown
from server.storage.base import content_type

ATTEMPTS = 5
MOST_INPUT = 64 * 1024**3
INPUT_SECONDS = 3600.0
_ONCE = {"If-None-Match": "*"}


class TaskFiles:
    """`client` is a guarded one; whatever it does ends soon after `stop` is set, by raising Stopped."""

    def __init__(self, client: httpx.Client, stop: Event) -> None:
        self._client = client
        self._stop = stop

    def get(self, url: str, target: Path, progress: Callable[[int, int | None], None]) -> None:
        """Fetches a whole file. ReelError `net.*`."""
        attempt = 0
        while True:
            attempt += 1
            try:
                fetch(
                    self._client,
                    url,
                    target,
                    most_bytes=MOST_INPUT,
                    seconds=INPUT_SECONDS,
                    stop=self._stop,
                    progress=progress,
                )
                return
            except Halted:
                raise Stopped from None
            except ReelError as error:
                if attempt == ATTEMPTS or error.problem.code != "net.failed":
                    raise
            self._wait(attempt)

    def there(self, url: str) -> bool:
        """Whether there is an object behind a presigned GET."""
        return self._ask("GET", url, {"Range": "bytes=0-0"}, b"").status_code in (200, 206)

    def read(self, url: str) -> bytes | None:
        """A small object; None where there is none."""
        answer = self._ask("GET", url, {}, b"")
        return answer.content if answer.status_code == 200 else None

    def put(self, url: str, content: Path | bytes, *, once: bool = False) -> bool:
        """Stores an object; False where `once` is set and there is one already. ReelError `task.store`."""
        headers = {"Content-Type": content_type(urlsplit(url).path), **(_ONCE if once else {})}
        answer = self._ask("PUT", url, headers, content)
        if once and answer.status_code == 412:
            return False
        if answer.status_code >= 300:
            raise _store_failed(url, f"HTTP {answer.status_code}")
        return True

    def _ask(self, method: str, url: str, headers: dict[str, str], content: Path | bytes) -> httpx.Response:
        """The answer, after a few tries where it is 429, 5xx or none."""
        attempt = 0
        while True:
            attempt += 1
            if self._stop.is_set():
                raise Stopped
            try:
                answer = self._send(method, url, headers, content)
                if answer.status_code not in (409, 429) and answer.status_code < 500:
                    return answer
                trouble = f"HTTP {answer.status_code}"
            except httpx.TransportError as error:
                trouble = str(error) or type(error).__name__
            if attempt == ATTEMPTS:
                raise _store_failed(url, trouble)
            self._wait(attempt)

    def _send(self, method: str, url: str, headers: dict[str, str], content: Path | bytes) -> httpx.Response:
        if isinstance(content, bytes):
            return self._client.request(method, url, headers=headers, content=content)
        with content.open("rb") as file:
            length = {"Content-Length": str(content.stat().st_size)}
            return self._client.request(method, url, headers={**headers, **length}, content=file)

    def _wait(self, attempt: int) -> None:
        if self._stop.wait(0.25 * 2**attempt * (0.5 + random.random() / 2)):
            raise Stopped


def _store_failed(url: str, why: str) -> ReelError:
    return ReelError.of(
        "task.store", "A file of the task could not be stored", f"{shown(url)}: {why}.", "Try again.", 503
    )
