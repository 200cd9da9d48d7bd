"""Exports and tracking as durable DBOS workflows: killed at any moment, they go on at the interrupted
step."""

import functools
from collections.abc import Callable

from dbos import DBOS

from pycore.protocol import ReelError
from server import logs
from server.db.documents import dump, load
from server.gpu.base import ExportPlan, SegmentStats
from server.gpu.tracking import TrackingPlan
from server.jobs.exports import ExportSteps
from server.jobs.outcomes import Outcome, attempt, value
from server.jobs.steps import Cancelled
from server.jobs.tracking import TrackingSteps

MAX_RECOVERIES = 20
"""How often a job is taken up again after its worker died, before it counts as the cause."""


def register_export(steps: ExportSteps) -> Callable[[str], None]:
    """The workflow over these steps, registered with DBOS; call before `DBOS.launch()`. Its id is the job's
    id."""

    @DBOS.step(name="plan")
    def plan_step(job_id: str) -> Outcome:
        return attempt(f"job {job_id}: planning", steps.stopping, lambda: dump(steps.plan(job_id)))

    @DBOS.step(name="segments")
    def segments_step(job_id: str, plan: ExportPlan) -> Outcome:
        """One step for all of them, as several are made at once: each is stored when it is done, and a
        repeated step makes those alone that are not."""
        what = f"job {job_id}: segments"
        return attempt(what, steps.stopping, lambda: dump(steps.segments(job_id, plan)), attempts=1)

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
            segments = load(list[SegmentStats], value(segments_step(job_id, plan)))
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
