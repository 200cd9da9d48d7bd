"""The real worker, but it tells of each boundary of a step that it passes, and kills itself at one.

A boundary is a durable write: of the storage, of the job's state, of DBOS's record of a step; at RunPod: of
the attempt, and its submission. A worker that
`dies_at` one ("before put jobs/segments/00000.json") gets SIGKILL there, the first time. Segments of tracking
have three frames, so that a job has two of them in little time. Each worker is a process forked from one that
has loaded PyTorch: of a hundred lives, most of the time would be spent on that.
"""

import functools
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dbos._sys_db import SystemDatabase

from server import cli
from server.db.attempts import Attempts
from server.db.fleet import Fleet
from server.gpu import local_tracker
from server.gpu.runpod import RunPodClient
from server.jobs.manager import JobManager
from server.jobs.worker import Dispatcher
from server.storage.local import LocalStorage
from server.storage.s3 import S3Storage
from server.tests.processes import PATIENCE_S, Process

_dies_at = ""
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["server.gpu.local", "server.gpu.local_tracker", __name__])


def passing(owner: type, method: str, name: Callable[..., str]) -> None:
    """From now on each call of the method tells of a boundary before and after it."""
    real = getattr(owner, method)

    @functools.wraps(real)
    def told(self: Any, *arguments: Any, **options: Any) -> Any:
        what = f"{method} {name(*arguments)}".strip()
        _boundary(f"before {what}")
        result = real(self, *arguments, **options)
        _boundary(f"after {what}")
        return result

    setattr(owner, method, told)


def _boundary(name: str) -> None:
    dies = name == _dies_at
    line = f"boundary: {'dies ' if dies else ''}{name}\n"
    os.write(sys.stderr.fileno(), line.encode())  # in one piece: other threads log there too
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)


def _key(key: str, *rest: Any) -> str:
    """A key of any job's."""
    return re.sub(r"jobs/[0-9a-f]+", "jobs", key)


def _nothing(*arguments: Any) -> str:
    return ""


def arm(dies_at: str) -> None:
    global _dies_at
    _dies_at = dies_at
    for method in ("put", "put_file", "delete_folder"):
        passing(LocalStorage, method, _key)
        passing(S3Storage, method, _key)
    passing(RunPodClient, "submit", _nothing)
    for method in ("begin", "name"):
        passing(Attempts, method, _nothing)
    passing(Attempts, "end", lambda attempt, end, *rest: str(end))
    for method in ("start", "succeed", "succeed_tracking"):
        passing(JobManager, method, _nothing)
    passing(Dispatcher, "_enqueue", _nothing)
    passing(Fleet, "record_throughput", _nothing)
    passing(
        SystemDatabase,
        "record_operation_result",
        lambda result, *rest: f"{result['function_id']} {result['function_name']}",
    )
    passing(SystemDatabase, "update_workflow_outcome", lambda workflow, status, *rest: status)
    local_tracker.WINDOW = 3


def _work(log: Path, data: Path, dies_at: str | None, environ: Mapping[str, str]) -> None:
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environ)
    sys.argv = ["reelballers", "worker", "--data", str(data)]
    if dies_at is not None:
        arm(dies_at)
    cli.main()


class DyingWorker(Process):
    """Such a worker; its output goes to `log`. With `dies_at` None it is a usual one, that starts faster."""

    def __init__(self, log: Path, data: Path, dies_at: str | None, environ: Mapping[str, str]) -> None:
        self.log = log
        self._start = log.stat().st_size if log.exists() else 0
        log.touch()
        self._forked = _FORKING.Process(target=_work, args=(log, data, dies_at, dict(environ)))
        self._forked.start()
        assert self._forked.pid is not None
        self.pid = self._forked.pid

    def alive(self) -> bool:
        return self._forked.is_alive()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._forked.join()

    def end(self) -> int:
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
        self._forked.join(PATIENCE_S)
        assert self._forked.exitcode is not None
        return self._forked.exitcode
