"""The real worker, but it tells of each boundary of a step that it passes, and kills itself at one.

    python -m server.tests.dying_worker worker --data DIR

A boundary is a durable write: of the storage, of the job's state, of DBOS's record of a step. With DIES_AT in
the environment ("before put jobs/segments/00000.json") the process gets SIGKILL there, the first time.
Segments of tracking have three frames, so that a job has two of them in little time.
"""

import functools
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

from dbos._sys_db import SystemDatabase

from server import cli
from server.db.fleet import Fleet
from server.gpu import local_tracker
from server.jobs.manager import JobManager
from server.jobs.worker import Dispatcher
from server.storage.local import LocalStorage

DIES_AT = "DIES_AT"


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
    dies = os.environ.get(DIES_AT) == name
    print(f"boundary: {'dies ' if dies else ''}{name}", file=sys.stderr, flush=True)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)


def _key(key: str, *rest: Any) -> str:
    """A key of any job's."""
    return re.sub(r"jobs/[0-9a-f]+", "jobs", key)


def _nothing(*arguments: Any) -> str:
    return ""


def arm() -> None:
    for method in ("put", "put_file", "delete_folder"):
        passing(LocalStorage, method, _key)
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


if __name__ == "__main__":
    arm()
    cli.main()
