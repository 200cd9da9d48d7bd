"""The worker process: takes queued jobs, one after the other, and runs them on this machine's processor.

It may be killed at any moment. Asked to stop (SIGTERM, SIGINT) it drops the frame at hand and goes; the next
worker takes the job up at that segment. Where several share a PostgreSQL database, a worker that was not
heard of for SILENCE_SECONDS is taken for dead, and its job goes on with another. Jobs at RunPod are followed
by the same process, many at once beside the one that is run here.
"""

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from dbos import DBOS, DBOSConfig, SetWorkflowID

from pycore.protocol import JobKind, Problem, ReelError, Route
from server.config import Config
from server.db.attempts import Attempts
from server.db.database import Database
from server.db.fleet import HEARTBEAT_SECONDS, Fleet
from server.db.media import MediaTable
from server.gpu.base import ExportPlan
from server.gpu.estimates import Work
from server.gpu.tracking import TrackingPlan
from server.jobs.exports import ExportSteps
from server.jobs.lock import WorkerLock
from server.jobs.manager import JobManager
from server.jobs.remote_setup import Remote, come_home, open_remote, start_sweeping
from server.jobs.remote_workflow import Kind, register_remote
from server.jobs.retention import Retention, start_tidying
from server.jobs.tracking import TrackingSteps
from server.jobs.workflows import MAX_RECOVERIES, register_export, register_tracking
from server.storage.opening import open_storage

_log = logging.getLogger(__name__)

QUEUE = "exports"
REMOTE_QUEUE = "remote"
REMOTE_AT_ONCE = 16
"""So many jobs at RunPod one worker follows: each takes a thread that mostly waits."""
VERSION = "3"
"""Of the workflow: what a worker of another version has begun is not taken up. Raise it with any change of
steps."""
POLL_SECONDS = 0.2
KEPT_SECONDS = 24 * 3600.0
TIDY_SECONDS = 600.0
TIDIED_AT_ONCE = 500
LEAVE_SECONDS = 5.0


Workflows = Mapping[tuple[JobKind, Route], Callable[[str], None]]


def run_worker(config: Config) -> None:
    """Runs until a signal says stop, then ends the process. ReelError where it cannot start."""
    config.prepare()
    lock = WorkerLock(config.data, shared=bool(config.postgres))
    _be_modest()
    from server.gpu.local import local_processor  # loads torch: after the number of threads is set
    from server.gpu.local_tracker import LocalTracker

    stopping = threading.Event()
    _on_signals(stopping)
    processor = local_processor(config.device)
    database = Database(config.database_url)
    attempts = Attempts(database)
    manager, fleet = JobManager(database, executor=lock.executor), Fleet(database)
    scratch = _scratch(config.tmp / lock.executor)
    steps = ExportSteps(
        manager,
        MediaTable(database),
        fleet,
        open_storage(config),
        processor,
        scratch,
        stopping,
        spent=attempts.spent,
    )
    tracking = TrackingSteps(
        manager,
        steps.media,
        fleet,
        steps.storage,
        processor,
        scratch,
        stopping,
        steps.working,
        steps.spent,
        tracker=LocalTracker(processor.info()),
    )
    remote = open_remote(config, attempts, steps, tracking)
    start_tidying(
        config,
        Retention(database, steps.storage, config.keep_media_days, config.keep_result_days),
        stopping,
    )
    fleet.heartbeat(lock.executor, processor.info())
    dispatcher = Dispatcher(manager, fleet, _launch_dbos(config, lock.executor, steps, tracking, remote))
    if remote is not None:
        start_sweeping(remote.claims, stopping)
    _log.info("worker %d is ready: %s (%s)", os.getpid(), processor.info().name, lock.executor)

    beat = time.monotonic()
    while not stopping.wait(POLL_SECONDS):
        dispatcher.look()
        if time.monotonic() - beat >= HEARTBEAT_SECONDS:
            beat = time.monotonic()
            fleet.heartbeat(lock.executor, processor.info())
            dispatcher.look_after()
    _log.info("stopping; what is unfinished goes on with the next worker")
    if not steps.working.end(LEAVE_SECONDS):
        _log.warning("not waiting any longer for the present frame")
    shutil.rmtree(scratch, ignore_errors=True)
    fleet.leave(lock.executor)
    lock.release()
    logging.shutdown()
    os._exit(0)  # DBOS's threads hold interrupted steps, which must not end as if they had come to something


class Dispatcher:
    """Hands new jobs to DBOS's queue, takes over from workers that died, and notices jobs whose workflow has
    died without saying so."""

    def __init__(self, manager: JobManager, fleet: Fleet, workflows: Workflows) -> None:
        self._manager = manager
        self._fleet = fleet
        self._workflows = workflows
        self._tidied = -TIDY_SECONDS

    def look(self) -> None:
        """Hands over what is new."""
        self._manager.hand_over(self._enqueue)

    def look_after(self) -> None:
        """What needs no such hurry: to be called every HEARTBEAT_SECONDS."""
        for worker in self._fleet.take_over(_recover):
            _log.warning("worker %s is gone; its jobs go on elsewhere", worker)
        for job_id in self._manager.in_progress():
            self._check(job_id)
        if time.monotonic() - self._tidied >= TIDY_SECONDS:
            self._tidied = time.monotonic()
            _forget_old_workflows()

    def _enqueue(self, job_id: str) -> None:
        try:
            job = self._manager.get(job_id)
        except ReelError:
            return  # deleted meanwhile
        route = job.estimate.route if job.estimate else Route.LOCAL
        with SetWorkflowID(job_id):  # the same id again changes nothing
            queue = REMOTE_QUEUE if route is Route.RUNPOD else QUEUE
            DBOS.enqueue_workflow(queue, self._workflows[job.kind, route], job_id)

    def _check(self, job_id: str) -> None:
        for workflow_id in (_home(job_id), job_id):
            workflow = DBOS.get_workflow_status(workflow_id)
            alive = workflow is not None and workflow.status in ("ENQUEUED", "PENDING", "DELAYED")
            if alive and workflow is not None and workflow.app_version in (None, VERSION):
                return
            if workflow is not None:
                break
        if self._manager.get(job_id).state.final:
            return  # it ended between the two looks
        status = workflow.status if workflow else "missing"
        _log.error("job %s: its workflow is %s", job_id, status)
        self._manager.fail(job_id, _dead(status))


def _recover(worker: str) -> None:
    """Puts what a dead worker had begun back into the queue, where one of the living takes it. DBOS does so
    only for those it finds under that name, so that doing it twice harms nothing."""
    DBOS._recover_pending_workflows([worker])


def _forget_old_workflows() -> None:
    """Deletes DBOS's records of what has long ended: the jobs' own table tells what came of it."""
    before = datetime.fromtimestamp(time.time() - KEPT_SECONDS, UTC).isoformat()
    ended = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
    old = DBOS.list_workflows(
        status=ended, completed_before=before, limit=TIDIED_AT_ONCE, load_input=False, load_output=False
    )
    if old:
        DBOS.delete_workflows([each.workflow_id for each in old])


def _scratch(folder: Path) -> Path:
    """This worker's scratch space, without what an earlier life of it left there."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder


def _home(job_id: str) -> str:
    """The id of the workflow of a job that has come back from RunPod."""
    return f"{job_id}-home"


def _launch_dbos(
    config: Config,
    executor: str,
    exports: ExportSteps,
    tracking: TrackingSteps,
    remote: Remote | None,
) -> Workflows:
    settings: DBOSConfig = {
        "name": "reelballers",
        "system_database_url": config.workflows_url,
        "application_version": VERSION,
        "executor_id": executor,
        "log_level": "WARNING",
        "enable_otlp": False,
    }
    if config.postgres:
        settings["sys_db_pool_size"] = 5
    DBOS(config=settings)
    export, track = register_export(exports), register_tracking(tracking)

    def export_here(job_id: str, plan: ExportPlan, why: str) -> None:
        work = Work.of_export(plan.work_pixels, plan.frames, plan.request.model)
        come_home(exports, job_id, work, why)
        with SetWorkflowID(_home(job_id)):
            DBOS.enqueue_workflow(QUEUE, export, job_id)

    def track_here(job_id: str, plan: TrackingPlan, why: str) -> None:
        come_home(tracking, job_id, Work.of_tracking(plan.size, plan.frames), why)
        with SetWorkflowID(_home(job_id)):
            DBOS.enqueue_workflow(QUEUE, track, job_id)

    remote_export = Kind("remote", ExportPlan, exports.plan, export_here)
    remote_track = Kind("remote-tracking", TrackingPlan, tracking.plan, track_here)
    workflows = {
        (JobKind.EXPORT, Route.LOCAL): export,
        (JobKind.EXPORT, Route.RUNPOD): register_remote(
            remote_export, exports, remote.exports if remote else None
        ),
        (JobKind.TRACKING, Route.LOCAL): track,
        (JobKind.TRACKING, Route.RUNPOD): register_remote(
            remote_track, tracking, remote.tracking if remote else None
        ),
    }
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_SECONDS)
    DBOS.register_queue(REMOTE_QUEUE, worker_concurrency=REMOTE_AT_ONCE, polling_interval_sec=POLL_SECONDS)
    return workflows


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
        "The job ended without a result",
        f"Its worker died {MAX_RECOVERIES} times over it."
        if status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
        else f"Its workflow is {status}, or belongs to another version of ReelBallers.",
        "The worker's log has the details. Try again, perhaps with a shorter range or a smaller crop.",
        500,
    )
