"""One worker per data directory."""

import fcntl
import os
from pathlib import Path

from pycore.protocol import ReelError


class WorkerLock:
    """An exclusive lock on a file, which the system releases however the process ends."""

    def __init__(self, path: Path) -> None:
        """Takes the lock. ReelError `worker.already-running` where another process has it."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise ReelError.of(
                "worker.already-running",
                "A worker is running on this data directory already",
                f"Its process id is {holder}; the directory is {path.parent}.",
                "Stop it first, or give this one another directory with --data.",
                409,
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        os.close(self._descriptor)
