"""The worker process: takes queued jobs, one after the other, and runs them on this machine's processor.

It may be killed at any moment. Asked to stop (SIGTERM, SIGINT) it drops the frame at hand and goes; the next
worker takes the job up at that segment.
"""

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from dbos import DBOS, DBOSConfig, SetWorkflowID

from pycore.protocol import Problem
from server.config import Config
from server.db.database import Database
from server.db.fleet import HEARTBEAT_SECONDS, Fleet
from server.db.media import MediaTable
from server.jobs.exports import ExportSteps
from server.jobs.lock import WorkerLock
from server.jobs.manager import JobManager
from server.jobs.workflows import MAX_RECOVERIES, register_export
from server.storage.opening import open_storage

_log = logging.getLogger(__name__)

WORKER = "local"
"""The worker's stable name: what a dead one had begun is taken up by the next of that name."""
QUEUE = "exports"
VERSION = "1"
"""Of the workflow: what a worker of another version has begun is not taken up. Raise it with any change of
steps."""
POLL_SECONDS = 0.2
LEAVE_SECONDS = 5.0


def run_worker(config: Config) -> None:
    """Runs until a signal says stop, then ends the process. ReelError where it cannot start."""
    config.prepare()
    lock = WorkerLock(config.worker_lock)
    _be_modest()
    from server.gpu.local import local_processor  # loads torch: after the number of threads is set

    stopping = threading.Event()
    _on_signals(stopping)
    processor = local_processor(config.device)
    for leftover in config.tmp.iterdir():
        shutil.rmtree(leftover)
    database = Database(config.database_url)
    manager, fleet = JobManager(database), Fleet(database)
    storage = open_storage(config)
    steps = ExportSteps(manager, MediaTable(database), fleet, storage, processor, config.tmp, stopping)
    dispatcher = Dispatcher(manager, _launch_dbos(config, steps))
    fleet.heartbeat(WORKER, processor.info())
    _log.info("worker %d is ready: %s", os.getpid(), processor.info().name)

    beat = time.monotonic()
    while not stopping.wait(POLL_SECONDS):
        dispatcher.look()
        if time.monotonic() - beat >= HEARTBEAT_SECONDS:
            beat = time.monotonic()
            fleet.heartbeat(WORKER, processor.info())
    _log.info("stopping; what is unfinished goes on when a worker starts again")
    fleet.leave(WORKER)
    if not steps.working.acquire(timeout=LEAVE_SECONDS):
        _log.warning("not waiting any longer for the present frame")
    lock.release()
    logging.shutdown()
    os._exit(0)  # DBOS's threads hold interrupted steps, which must not end as if they had come to something


class Dispatcher:
    """Hands new jobs to DBOS, and notices jobs whose workflow has died without saying so."""

    def __init__(self, manager: JobManager, workflow: Callable[[str], None]) -> None:
        self._manager = manager
        self._workflow = workflow
        self._handed_over: set[str] = set()
        self._checked = time.monotonic()
        self._forget_deleted()

    def look(self) -> None:
        """Does what there is to do now."""
        unfinished = self._manager.unfinished()
        self._handed_over &= set(unfinished)
        for job_id in unfinished:
            if job_id not in self._handed_over:
                with SetWorkflowID(job_id):  # the same id again changes nothing
                    DBOS.enqueue_workflow(QUEUE, self._workflow, job_id)
                self._handed_over.add(job_id)
        if time.monotonic() - self._checked >= HEARTBEAT_SECONDS:
            self._checked = time.monotonic()
            for job_id in unfinished:
                self._check(job_id)

    def _check(self, job_id: str) -> None:
        workflow = DBOS.get_workflow_status(job_id)
        alive = workflow is not None and workflow.status in ("ENQUEUED", "PENDING", "DELAYED")
        if alive and workflow is not None and workflow.app_version in (None, VERSION):
            return
        if self._manager.get(job_id).state.final:
            return  # it ended between the two looks
        status = workflow.status if workflow else "missing"
        _log.error("job %s: its workflow is %s", job_id, status)
        self._manager.fail(job_id, _dead(status))

    def _forget_deleted(self) -> None:
        for workflow in DBOS.list_workflows(load_input=False, load_output=False):
            if not self._manager.exists(workflow.workflow_id):
                DBOS.delete_workflow(workflow.workflow_id)


def _launch_dbos(config: Config, steps: ExportSteps) -> Callable[[str], None]:
    settings: DBOSConfig = {
        "name": "reelballers",
        "system_database_url": config.workflows_url,
        "application_version": VERSION,
        "executor_id": WORKER,
        "log_level": "WARNING",
        "enable_otlp": False,
    }
    DBOS(config=settings)
    workflow = register_export(steps)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_SECONDS)
    return workflow


def _be_modest() -> None:
    """Leaves the machine usable: low priority, and a core for the API."""
    os.nice(10)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("REELBALLERS_THREADS", str(max(cores - 1, 1)))


def _on_signals(stopping: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _dead(status: str) -> Problem:
    return Problem(
        "job.worker-died",
        "The export ended without a result",
        f"Its worker died {MAX_RECOVERIES} times over it."
        if status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
        else f"Its workflow is {status}, or belongs to another version of ReelBallers.",
        "The worker's log has the details. Try again, perhaps with a shorter range or a smaller crop.",
        500,
    )
