"""Exports and tracking as durable DBOS workflows: killed at any moment, they go on at the interrupted
step.

A step never raises: what it came to is its recorded result, so that a repeated workflow takes the same way.
"""

import errno
import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

from dbos import DBOS

from pycore.protocol import Problem, ReelError
from server import logs
from server.db.documents import dump, load
from server.gpu.base import ExportPlan, SegmentStats
from server.gpu.tracking import TrackingPlan
from server.jobs.exports import ExportSteps
from server.jobs.steps import Cancelled
from server.jobs.tracking import TrackingSteps

_log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a step is tried that fails for a reason nobody foresaw."""

MAX_RECOVERIES = 20
"""How often a job is taken up again after its worker died, before it counts as the cause."""

Outcome = dict[str, Any]
"""{"value": JSON text} | {"problem": JSON text} | {"cancelled": true}"""


def register_export(steps: ExportSteps) -> Callable[[str], None]:
    """The workflow over these steps, registered with DBOS; call before `DBOS.launch()`. Its id is the job's
    id."""

    @DBOS.step(name="plan")
    def plan_step(job_id: str) -> Outcome:
        return attempt(f"job {job_id}: planning", steps.stopping, lambda: dump(steps.plan(job_id)))

    @DBOS.step(name="segment")
    def segment_step(job_id: str, plan: ExportPlan, index: int) -> Outcome:
        what = f"job {job_id}: segment {index}"
        return attempt(what, steps.stopping, lambda: dump(steps.segment(job_id, plan, index)))

    @DBOS.step(name="finish")
    def finish_step(job_id: str, plan: ExportPlan, segments: list[SegmentStats]) -> Outcome:
        return attempt(
            f"job {job_id}: finishing", steps.stopping, lambda: steps.finish(job_id, plan, segments)
        )

    @DBOS.workflow(name="export", max_recovery_attempts=MAX_RECOVERIES)
    @logged
    def export(job_id: str) -> None:
        if not steps.begin(job_id):
            return
        try:
            plan = load(ExportPlan, value(plan_step(job_id)))
            segments = [
                load(SegmentStats, value(segment_step(job_id, plan, segment.index)))
                for segment in plan.segments
            ]
            value(finish_step(job_id, plan, segments))
        except Cancelled:
            steps.cancelled(job_id)
        except ReelError as error:
            steps.failed(job_id, error.problem)

    return export


def register_tracking(steps: TrackingSteps) -> Callable[[str], None]:
    """The same for tracking jobs."""

    @DBOS.step(name="tracking-plan")
    def plan_step(job_id: str) -> Outcome:
        return attempt(f"job {job_id}: planning", steps.stopping, lambda: dump(steps.plan(job_id)))

    @DBOS.step(name="tracking-segment")
    def segment_step(job_id: str, plan: TrackingPlan, index: int) -> Outcome:
        what = f"job {job_id}: segment {index}"
        return attempt(what, steps.stopping, lambda: steps.segment(job_id, plan, index))

    @DBOS.step(name="tracking-finish")
    def finish_step(job_id: str, plan: TrackingPlan) -> Outcome:
        return attempt(f"job {job_id}: linking", steps.stopping, lambda: steps.finish(job_id, plan))

    @DBOS.workflow(name="tracking", max_recovery_attempts=MAX_RECOVERIES)
    @logged
    def tracking(job_id: str) -> None:
        if not steps.begin(job_id):
            return
        try:
            plan = load(TrackingPlan, value(plan_step(job_id)))
            for segment in plan.segments:
                value(segment_step(job_id, plan, segment.index))
            value(finish_step(job_id, plan))
        except Cancelled:
            steps.cancelled(job_id)
        except ReelError as error:
            steps.failed(job_id, error.problem)

    return tracking


def logged(run: Callable[[str], None]) -> Callable[[str], None]:
    """What is logged while it runs carries the job's id."""

    @functools.wraps(run)
    def about(job_id: str) -> None:
        with logs.about(job=job_id):
            run(job_id)

    return about


def attempt(what: str, stopping: threading.Event, work: Callable[[], str | None]) -> Outcome:
    """What `work` comes to, tried again when it fails for a reason that nobody foresaw."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return {"value": work()}
        except Cancelled:
            return {"cancelled": True}
        except ReelError as error:
            if error.problem.status != 503 or attempt == ATTEMPTS:
                return {"problem": dump(error.problem)}
            _log.warning("%s: %s; trying again", what, error)
            stopping.wait(attempt)  # something beyond this machine, such as the bucket, is away for a moment
        except Exception as error:  # noqa: BLE001  whatever it is, the job's owner is told
            _log.exception("%s failed, attempt %d of %d", what, attempt, ATTEMPTS)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                return {"problem": dump(_DISK_FULL)}
            if attempt == ATTEMPTS:
                return {"problem": dump(_internal(what, error))}
            stopping.wait(attempt)
    raise AssertionError("the last attempt returns")


def value(outcome: Outcome) -> Any:
    """What the step came to. Raises Cancelled, or the ReelError that it ended with."""
    if "cancelled" in outcome:
        raise Cancelled
    if "problem" in outcome:
        raise ReelError(load(Problem, outcome["problem"]))
    return outcome["value"]


_DISK_FULL = Problem(
    "storage.full",
    "The disk is full",
    "There is no room for the next piece of the result.",
    "Free some space, or delete old results, and try again.",
    507,
)


def _internal(what: str, error: Exception) -> Problem:
    return Problem(
        "job.internal",
        "The job failed for a reason that we did not foresee",
        f"{what.partition(': ')[2].capitalize()}: {type(error).__name__}: {error}"[:500],
        "The worker's log has the details. Try again; if it happens again, please report it.",
        500,
    )
