"""An API and any number of workers on one PostgreSQL and one data directory."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from server.tests.postgres import Postgres
from server.tests.processes import Api, Process, await_, start_api


@dataclass
class Fleet:
    """An API and workers on one database and one data directory (a storage that they share)."""

    api: Api
    data: Path
    environ: dict[str, str]
    workers: list[Process] = field(default_factory=list)

    def start(self, **environ: str) -> Process:
        """One more worker, that is ready."""
        number = len(self.workers)
        log = self.data.with_name(f"worker-{number}.log")
        worker = Process(log, "worker", "--data", self.data, **self.environ, **environ)
        self.workers.append(worker)
        worker.await_line(r"worker \d+ is ready")
        return worker

    def said(self) -> str:
        return "".join(worker.said() for worker in self.workers)

    def at(self, moment: str) -> Process:
        """The worker that says so first."""
        alive = [worker for worker in self.workers if worker.alive()]
        return await_(moment, lambda: next((each for each in alive if re.search(moment, each.said())), None))

    def left(self) -> list[str]:
        """What lies in the storage and in scratch folders beside media and results."""
        files = [path for path in (self.data / "storage").rglob("*") if path.is_file()]
        files += [path for path in (self.data / "tmp").rglob("*") if path.is_file()]
        names = [path.relative_to(self.data).as_posix() for path in files]
        return [
            name
            for name in names
            if "/media/" not in name and not re.search(r"/(result\.mp4|result\.json|tracking\.json)$", name)
        ]


@contextmanager
def running_fleet(tmp_path: Path, postgres: Postgres) -> Iterator[Fleet]:
    data = tmp_path / "data"
    environ = {"REELBALLERS_DATABASE_URL": postgres.create(), "REELBALLERS_THREADS": "1"}
    process, url = start_api(data, **environ)
    with httpx.Client(base_url=url, timeout=60) as http:
        fleet = Fleet(Api(url, http), data, environ)
        try:
            yield fleet
        finally:
            for worker in fleet.workers:
                worker.end()
            code = process.end()
    assert code == 0
    assert "Traceback" not in process.said() + fleet.said(), process.said() + fleet.said()
