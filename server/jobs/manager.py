"""The JobManager: nobody else changes a job's state.

Every change is one transaction that writes the job, its next sequence number, and the event that tells of it.
"""

import secrets
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from pycore.protocol import (
    Estimate,
    ExportRequest,
    ExportResult,
    Job,
    JobKind,
    JobState,
    Problem,
    Processor,
    ReelError,
    TrackingResult,
)
from server.db.database import Database
from server.db.documents import dump, load
from server.db.tables import job_media, jobs, projects
from server.jobs.reading import JobReader
from server.jobs.rows import Request, change, delete_jobs, insert_event, made_before, row_of
from server.jobs.states import Superseded

HANDED_OVER_AT_ONCE = 100


class JobManager(JobReader):
    """Creates, reads and changes jobs. `clock` gives Unix seconds."""

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, executor: str | None = None
    ) -> None:
        """`executor` is the worker that changes jobs through this manager; a job that another one has taken
        over meanwhile it can no longer change (Superseded)."""
        super().__init__(database)
        self._clock = clock
        self._executor = executor

    # For the API

    def create(
        self,
        project_id: str,
        request: Request,
        *,
        name: str,
        estimate: Estimate,
        reason: str,
        idempotency_key: str | None = None,
    ) -> tuple[Job, bool]:
        """A queued job, and whether it is new: the same idempotency key with the same request
        answers with the job made before. ReelError `job.idempotency-key` for the same key with another
        request."""
        with self._database.write(f"project {project_id}") as transaction:
            known = made_before(transaction, project_id, request, idempotency_key)
            if known is not None:
                return known, False
            job = Job(
                id=secrets.token_hex(12),
                kind=JobKind.EXPORT if isinstance(request, ExportRequest) else JobKind.TRACKING,
                state=JobState.QUEUED,
                project_id=project_id,
                name=name,
                progress=0.0,
                message="Waiting for the worker",
                created_at=self._clock(),
                sequence=1,
                reason=reason,
                processor=estimate.processor,
                estimate=estimate,
                seconds_left=estimate.seconds,
            )
            transaction.execute(
                sa.insert(jobs).values(
                    id=job.id,
                    project_id=project_id,
                    owner=sa.select(projects.c.owner).where(projects.c.id == project_id).scalar_subquery(),
                    state=job.state.value,
                    route=estimate.route.value,
                    document=dump(job),
                    request=dump(request),
                    sequence=job.sequence,
                    idempotency_key=idempotency_key,
                    created_at=job.created_at,
                )
            )
            for media_id in request.media_ids():
                transaction.execute(sa.insert(job_media).values(job_id=job.id, media_id=media_id))
            insert_event(transaction, job, progress_only=False)
        return job, True

    def cancel(self, job_id: str) -> Job:
        """A queued job is cancelled at once; a running one is told to stop, and stops within a segment. A
        final job stays as it is."""
        with self._database.write(f"job {job_id}") as transaction:
            row = row_of(transaction, job_id)
            job = load(Job, row.document)
            if job.state is JobState.QUEUED:
                return change(
                    transaction, row, state=JobState.CANCELLED, message="Cancelled", seconds_left=None
                )
            if job.state.final or row.cancel_requested:
                return job
            transaction.execute(sa.update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))
            return change(transaction, row, message="Stopping", seconds_left=None)

    def delete(self, job_id: str) -> None:
        """Deletes a final job; its files go with the trash. ReelError `job.active` for one that is not
        final."""
        with self._database.write(f"job {job_id}") as transaction:
            row = row_of(transaction, job_id)
            if not JobState(row.state).final:
                raise ReelError.of(
                    "job.active",
                    "The job is not over yet",
                    f"It is {row.state}.",
                    "Cancel it first, then delete it.",
                    409,
                )
            delete_jobs(transaction, jobs.c.id == job_id)

    # For the worker

    def hand_over(self, give: Callable[[str], None]) -> int:
        """Gives some of the oldest jobs that no queue has yet, and notes that they were given; how many.
        Where that note is lost, they are given again."""
        query = sa.select(jobs.c.id).where(sa.not_(jobs.c.handed_over), jobs.c.state == JobState.QUEUED.value)
        query = query.order_by(jobs.c.created_at, jobs.c.id).limit(HANDED_OVER_AT_ONCE)
        with self._database.read() as transaction:
            found = [*transaction.execute(query).scalars()]
        for job_id in found:
            give(job_id)
        if found:
            with self._database.write("hand-over") as transaction:
                transaction.execute(sa.update(jobs).where(jobs.c.id.in_(found)).values(handed_over=True))
        return len(found)

    def reroute(self, job_id: str, estimate: Estimate, reason: str) -> None:
        """The job goes on elsewhere, by the estimate's route. Repeating it changes nothing."""
        with self._database.write(f"job {job_id}") as transaction:
            row = self._own(transaction, job_id)
            if row.route == estimate.route.value or JobState(row.state).final:
                return
            transaction.execute(sa.update(jobs).where(jobs.c.id == job_id).values(route=estimate.route.value))
            change(
                transaction,
                row,
                message="Waiting for the worker",
                estimate=estimate,
                processor=estimate.processor,
                reason=reason,
                seconds_left=estimate.seconds,
            )

    def start(self, job_id: str, processor: Processor) -> bool:
        """Marks a job as running on the processor, again after a restart too. False where it is final or
        gone: then there is nothing to do."""
        with self._database.write(f"job {job_id}") as transaction:
            row = transaction.execute(sa.select(jobs).where(jobs.c.id == job_id)).first()
            if row is None or JobState(row.state).final:
                return False
            transaction.execute(sa.update(jobs).where(jobs.c.id == job_id).values(executor=self._executor))
            if row.state == JobState.RUNNING.value:
                message = "Stopping" if row.cancel_requested else "Resumed"
                change(transaction, row, message=message, processor=processor, seconds_left=None)
            else:
                change(transaction, row, state=JobState.RUNNING, message="Starting", processor=processor)
            return True

    def progress(
        self, job_id: str, progress: float, message: str, seconds_left: float | None, computed: float
    ) -> None:
        """Notes how far a running job is; `computed` seconds of computing are added to its account."""
        with self._database.write(f"job {job_id}") as transaction:
            row = self._own(transaction, job_id)
            transaction.execute(
                sa.update(jobs)
                .where(jobs.c.id == job_id)
                .values(compute_seconds=row.compute_seconds + computed)
            )
            if row.state == JobState.RUNNING.value and not row.cancel_requested:
                change(
                    transaction,
                    row,
                    progress_only=True,
                    progress=progress,
                    message=message,
                    seconds_left=seconds_left,
                )

    def cancel_requested(self, job_id: str) -> bool:
        with self._database.read() as transaction:
            return self._own(transaction, job_id).cancel_requested

    def check_own(self, job_id: str) -> None:
        """Raises Superseded where another executor has taken the job over."""
        with self._database.read() as transaction:
            self._own(transaction, job_id)

    def succeed(self, job_id: str, result: ExportResult) -> None:
        """Repeating it changes nothing."""
        self._finish(job_id, JobState.SUCCEEDED, progress=1.0, message="Done", result=result)

    def succeed_tracking(self, job_id: str, result: TrackingResult) -> None:
        """Repeating it changes nothing."""
        self._finish(job_id, JobState.SUCCEEDED, progress=1.0, message="Done", tracked=result)

    def fail(self, job_id: str, problem: Problem) -> None:
        """Repeating it changes nothing."""
        self._finish(job_id, JobState.FAILED, message=problem.title, error=problem)

    def cancelled(self, job_id: str) -> None:
        """The job has stopped as it was told. Repeating it changes nothing."""
        self._finish(job_id, JobState.CANCELLED, message="Cancelled")

    # Below

    def _finish(self, job_id: str, state: JobState, **changes: Any) -> None:
        with self._database.write(f"job {job_id}") as transaction:
            row = self._own(transaction, job_id)
            if row.state != state.value:
                change(transaction, row, state=state, seconds_left=None, **changes)

    def _own(self, transaction: sa.Connection, job_id: str) -> Any:
        """The job's row, where it is still this executor's to change."""
        row = row_of(transaction, job_id)
        if self._executor is not None and row.executor not in (None, self._executor):
            raise Superseded(f"Job {job_id} was taken over by {row.executor}.")
        return row
