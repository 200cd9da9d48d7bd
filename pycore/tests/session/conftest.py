"""A session's surroundings: the real API, a clip, and the page's end of an application that talks to it. No
worker runs: the tests move jobs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pycore.tests.session.real_server import PART_BYTES, Page, RealServer, real_server, write_clip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    with real_server(tmp_path / "data", part_bytes=PART_BYTES) as server:
        server.has_worker()
        yield server


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


@pytest.fixture
def page(server: RealServer) -> Page:
    return Page(server.url)
