"""The API is asked to end (SIGTERM) while a part of an upload is on its way: nothing is lost."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.tests.processes import Api, Process, await_, start_api

FIRST, LENGTH = 2_000_000, 5_000_000
REQUEST = {"name": "clip.mp4", "bytes": LENGTH, "fingerprint": "0123456789abcdef"}

TYPE = {"Content-Type": "application/octet-stream"}


class Sending(threading.Thread):
    """Sends a part: FIRST bytes of it, and the rest when told to. `status` is the answer's, None without."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.more = threading.Event()
        self.status: int | None = None
        self.start()

    def run(self) -> None:
        def content() -> Iterator[bytes]:
            yield bytes(FIRST)
            assert self.more.wait(60)
            yield bytes(LENGTH - FIRST)

        headers = {**TYPE, "Content-Length": str(LENGTH)}
        try:
            self.status = httpx.put(self.url, content=content(), headers=headers, timeout=60).status_code
        except httpx.TransportError:
            self.status = None


def plan(http: httpx.Client) -> dict[str, Any]:
    return Api("", http).call("POST", "projects/project-1/media", REQUEST)["parts"][0]


@pytest.fixture
def half_sent(tmp_path: Path) -> Iterator[tuple[Process, Sending]]:
    """An API that has taken half a part, and has been told to end."""
    data = tmp_path / "data"
    process, url = start_api(data)
    with httpx.Client(base_url=url, timeout=60) as http:
        output = {"size": {"width": 64, "height": 64}}
        Api(url, http).call("POST", "projects", {"id": "project-1", "name": "Match", "output": output})
        sending = Sending(f"{url}{plan(http)['url']}")
        await_("the part's first half", lambda: any(half_written(data)), process.alive)
    os.kill(process.pid, signal.SIGTERM)
    yield process, sending
    sending.more.set()
    process.end()


def half_written(data: Path) -> list[Path]:
    return [path for path in (data / "storage" / "tmp").iterdir() if path.stat().st_size]


def refused(url: str) -> bool:
    try:
        httpx.get(url, timeout=60)
    except httpx.ConnectError:
        return True
    return False


def after(data: Path) -> dict[str, Any]:
    """The part as the next API process plans it."""
    process, url = start_api(data)
    with httpx.Client(base_url=url, timeout=60) as http:
        part = plan(http)
        if not part["done"]:
            sent = http.put(part["url"], content=bytes(LENGTH), headers=TYPE)
            assert sent.status_code == 204
            assert plan(http)["done"]
    assert process.end() == 0
    return part


def test_a_part_that_goes_on_coming_is_stored(half_sent: tuple[Process, Sending], tmp_path: Path) -> None:
    process, sending = half_sent
    await_("it to take no more connections", lambda: refused(sending.url), process.alive)
    sending.more.set()
    sending.join(60)
    assert sending.status == 204
    assert process.wait(60) == 0
    assert "Traceback" not in process.said()
    assert after(tmp_path / "data")["done"]


def test_a_part_that_stalls_is_waited_for_no_longer_and_can_be_sent_again(
    half_sent: tuple[Process, Sending], tmp_path: Path
) -> None:
    process, sending = half_sent
    assert process.wait(60) == 0
    sending.more.set()
    sending.join(60)
    assert sending.status in (503, None)
    assert "Traceback" not in process.said()
    assert half_written(tmp_path / "data") == []
    assert not after(tmp_path / "data")["done"]
