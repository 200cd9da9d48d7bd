"""What the steps of all jobs have in common: what they need, being stopped, cleaning up."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pycore.protocol import ExportRequest, Problem, TrackingRequest
from server.db.fleet import Fleet
from server.db.media import MediaTable
from server.gpu.base import GpuProcessor, Sources
from server.jobs.manager import JobManager
from server.jobs.states import Superseded
from server.storage.base import Storage
from server.storage.keys import job_folder

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.2


class Cancelled(Exception):
    """The job was told to stop, and has."""


class WorkerStopping(BaseException):
    """This process ends. No Exception, so that no durable step takes it for an outcome: the next process
    repeats the step."""


class Working:
    """Entered while a file is being made, by as many as make one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._over = False

    def __enter__(self) -> None:
        with self._changed:
            if self._over:
                raise WorkerStopping
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def end(self, timeout: float) -> bool:
        """Lets nobody in any more and waits until all have left; False where they have not in that time."""
        with self._changed:
            self._over = True
            return self._changed.wait_for(lambda: self._count == 0, timeout)


@dataclass(frozen=True, slots=True)
class JobSteps:
    """What steps need. `stopping` is set when this process is to end; `tmp` is scratch space; `working` tells
    whether a file is being made; `spent`: what a job has cost elsewhere before it came here, in dollars."""

    manager: JobManager
    media: MediaTable
    fleet: Fleet
    storage: Storage
    processor: GpuProcessor
    tmp: Path
    stopping: threading.Event
    working: Working = field(default_factory=Working)
    spent: Callable[[str], float] = lambda job_id: 0.0

    def begin(self, job_id: str) -> bool:
        """Marks the job as running; False where there is nothing to do any more."""
        return self.manager.start(job_id, self.processor.info())

    def cancelled(self, job_id: str) -> None:
        """Removes what there was and ends the job."""
        self.manager.check_own(job_id)
        self.storage.delete_folder(job_folder(job_id))
        self.manager.cancelled(job_id)
        _log.info("job %s: cancelled", job_id)

    def failed(self, job_id: str, problem: Problem) -> None:
        """Removes what there was and ends the job."""
        self.manager.check_own(job_id)
        self.storage.delete_folder(job_folder(job_id))
        self.manager.fail(job_id, problem)
        _log.warning("job %s: failed: %s", job_id, problem)

    def _raise_if_cancelled(self, job_id: str) -> None:
        if self.manager.cancel_requested(job_id):
            raise Cancelled

    def _to_be_left(self, job_id: str) -> bool:
        try:
            return self.manager.cancel_requested(job_id)
        except Superseded:
            return True

    def _text(self, key: str) -> str:
        return b"".join(self.storage.get(key)).decode()

    @contextlib.contextmanager
    def _sources(self, job_id: str, request: ExportRequest | TrackingRequest) -> Iterator[Sources]:
        project_id = self.manager.get(job_id).project_id
        with ExitStack() as stack:
            yield {
                media_id: stack.enter_context(self.storage.as_file(self.media.get(project_id, media_id).key))
                for media_id in request.media_ids()
            }

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        with self.working, TemporaryDirectory(dir=self.tmp) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def _stop_event(self, job_id: str) -> Iterator[threading.Event]:
        """An event that is set as soon as the job is told to stop or this process is to end."""
        stop, over = threading.Event(), threading.Event()

        def watch() -> None:
            while not over.wait(POLL_SECONDS):
                if self.stopping.is_set() or self._to_be_left(job_id):
                    stop.set()
                    return

        watcher = threading.Thread(target=watch, name=f"stop-{job_id}", daemon=True)
        watcher.start()
        try:
            yield stop
        finally:
            over.set()
            watcher.join()
