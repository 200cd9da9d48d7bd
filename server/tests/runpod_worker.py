"""The worker on RunPod as a process: the unmodified handler in the real `runpod` loop, on the CPU, led to the
stand-in plane and to a real bucket."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from server.config.s3 import S3Settings
from server.tests.processes import await_
from server.tests.runpod_plane import Plane, worker_environment

ROOT = Path(__file__).resolve().parents[2]
HANDLER = ROOT / "deploy" / "runpod" / "handler.py"


class WorkerProcess:
    """A worker under a name of its own; `kill` gives it no chance to say anything."""

    def __init__(self, plane: Plane, name: str, log: Path, bucket: S3Settings, **environ: str) -> None:
        self.name = name
        self._log = log
        settings = {
            **worker_environment(plane, name),
            "REELBALLERS_DEVICE": "cpu",
            "REELBALLERS_FETCH_HOSTS": urlsplit(bucket.endpoint).netloc,
            "REELBALLERS_THREADS": "1",
            **environ,
        }
        with log.open("w") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-u", HANDLER],
                env={**os.environ, **settings},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def said(self) -> str:
        return self._log.read_text()

    def alive(self) -> bool:
        return self._process.poll() is None

    def await_line(self, text: str) -> None:
        await_(f"{text!r} of the worker: {self._log}", lambda: text in self.said(), self.alive)

    def kill(self) -> None:
        """With the SDK's heartbeat process, as a container's end does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self) -> int:
        return self._process.wait(60)


@contextmanager
def running_worker(
    plane: Plane, name: str, folder: Path, bucket: S3Settings, **environ: str
) -> Iterator[WorkerProcess]:
    """A worker that takes jobs, until the context ends."""
    worker = WorkerProcess(plane, name, folder / f"{name}.log", bucket, **environ)
    try:
        yield worker
    finally:
        worker.kill()
