"""What several of the server's tests need."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from server.api.main import create_app
from server.config import Config
from server.config.s3 import S3Settings
from server.storage.base import Storage
from server.tests import clips
from server.tests.asgi import SyncClient
from server.tests.fleet_bench import Fleet, running_fleet
from server.tests.job_bench import Bench, open_bench
from server.tests.postgres import Postgres, running_postgres
from server.tests.processes import Api, Process, running_api, start_worker
from server.tests.runpod_plane import Plane, running_plane
from server.tests.seaweed import running_seaweed
from server.tests.storages import IMPLEMENTATIONS, Stored


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Settings on a data directory of this test's own."""
    return Config(data=tmp_path / "data", part_bytes=10_000)


@pytest.fixture
def client(config: Config) -> Iterator[SyncClient]:
    """The API in this process, without a worker."""
    with SyncClient(create_app(config)) as client:
        yield client


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    return request.getfixturevalue("postgres").create()


@pytest.fixture
def bench(tmp_path: Path, database_url: str) -> Iterator[Bench]:
    """All that jobs need, without processes."""
    with open_bench(tmp_path, database_url) as bench:
        yield bench


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of 48x32 at 30 fps, with sound: 5 segments."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return clips.make(path, clips.numbered(150, 48, 32), time_base=Fraction(1, 30), audio="aac")


@dataclass(frozen=True)
class Running:
    """A running API and worker, with the clip uploaded to project "project-1"."""

    api: Api
    worker: Process
    data: Path
    info: dict[str, Any]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("running") / "data"
    with running_api(data) as api:
        worker = start_worker(data)
        try:
            yield Running(api, worker, data, api.upload("project-1", clip))
        finally:
            code = worker.end()
        assert code == 0, worker.said()
    assert "Traceback" not in worker.said(), worker.said()


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Settings]:
    """A real S3 with an empty bucket; give each user a `prefix` of its own."""
    with running_seaweed(tmp_path_factory.mktemp("seaweed")) as settings:
        yield settings


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL; `create()` makes a database of one's own."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def fleet(tmp_path: Path, postgres: Postgres) -> Iterator[Fleet]:
    with running_fleet(tmp_path, postgres) as fleet:
        yield fleet


@pytest.fixture(params=IMPLEMENTATIONS)
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    """Every storage there is, with what its URLs need."""
    with IMPLEMENTATIONS[request.param](request) as stored:
        yield stored


@pytest.fixture
def storage(stored: Stored) -> Storage:
    """Every storage there is."""
    return stored.storage


@pytest.fixture(scope="module")
def module_plane() -> Iterator[Plane]:
    with running_plane() as plane:
        yield plane


@pytest.fixture
def plane(module_plane: Plane) -> Plane:
    """The stand-in for RunPod's control plane, empty and well-behaved."""
    module_plane.forget()
    return module_plane
