"""A worker's place on its data directory, and its stable name."""

import fcntl
import itertools
import os
import re
import secrets
import socket
from pathlib import Path

from pycore.protocol import ReelError

ALONE = "local"
"""The name of the one worker of a data directory that nobody shares: what a dead one had begun is taken up by
the next."""
_NAME = re.compile(r"[a-z0-9-]{4,48}")


class WorkerLock:
    """An exclusive lock on a file, which the system releases however the process ends.

    Without `shared` there is one worker per data directory. With it there may be several: each takes the
    first place that is free, and `executor` is that place's name, the same in its next life.
    """

    def __init__(self, data: Path, *, shared: bool = False) -> None:
        """Takes a place. ReelError `worker.already-running` where another process has the only one."""
        self.executor = ALONE
        if not shared:
            self._descriptor = _open(data / "worker.lock")
            if not _try_lock(self._descriptor):
                raise _already_running(self._descriptor, data)
            _write(self._descriptor, str(os.getpid()))
            return
        for number in itertools.count(1):
            self._descriptor = _open(data / f"worker-{number}.lock")
            if _try_lock(self._descriptor):
                break
            os.close(self._descriptor)
        name = os.pread(self._descriptor, 64, 0).decode(errors="replace")
        if not _NAME.fullmatch(name):
            host = re.sub("[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")[:24]
            name = f"{host or 'worker'}-{secrets.token_hex(4)}"  # two machines may have one name
            _write(self._descriptor, name)
        self.executor = name

    def release(self) -> None:
        os.close(self._descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
    os.fsync(descriptor)


def _already_running(descriptor: int, data: Path) -> ReelError:
    holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
    os.close(descriptor)
    return ReelError.of(
        "worker.already-running",
        "A worker is running on this data directory already",
        f"Its process id is {holder}; the directory is {data}.",
        "Stop it first, or give this one another directory with --data.",
        409,
    )
