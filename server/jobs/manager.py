"""The JobManager: nobody else changes a job's state.

Every change is one transaction that writes the job, its next sequence number, and the event that tells of it.
"""

import dataclasses
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from pycore.protocol import (
    Estimate,
    ExportRequest,
    ExportResult,
    Job,
    JobEvent,
    JobKind,
    JobState,
    Problem,
    Processor,
    ReelError,
    Route,
    TrackingRequest,
    TrackingResult,
)
from server.db.database import Database
from server.db.documents import dump, load
from server.db.owners import job_not_found
from server.db.tables import job_events, job_media, jobs, projects
from server.db.trash import throw_away
from server.jobs.states import Superseded, check_transition
from server.storage.keys import job_folder

Request = ExportRequest | TrackingRequest

KEPT_PROGRESS_EVENTS = 50
"""Events that tell of progress alone are kept this far back: enough for those who watch, or come back."""

HANDED_OVER_AT_ONCE = 100
CHECKED_AT_ONCE = 100
ASKED_AT_ONCE = 500

_NEWEST_FIRST = (jobs.c.created_at.desc(), jobs.c.id.desc())


class JobManager:
    """Creates, reads and changes jobs. `clock` gives Unix seconds."""

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, executor: str | None = None
    ) -> None:
        """`executor` is the worker that changes jobs through this manager; a job that another one has taken
        over meanwhile it can no longer change (Superseded)."""
        self._database = database
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
            known = _made_before(transaction, project_id, request, idempotency_key)
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
            _insert_event(transaction, job, progress_only=False)
        return job, True

    def made_before(self, project_id: str, request: Request, idempotency_key: str | None) -> Job | None:
        """The job that this key made, if any. ReelError `job.idempotency-key` where it was another
        request."""
        with self._database.read() as transaction:
            return _made_before(transaction, project_id, request, idempotency_key)

    def get(self, job_id: str) -> Job:
        """ReelError `job.not-found` where there is none."""
        with self._database.read() as transaction:
            return load(Job, _row(transaction, job_id).document)

    def newest(
        self,
        project_id: str | None = None,
        owner: str | None = None,
        limit: int = 200,
        kind: JobKind | None = None,
    ) -> list[Job]:
        """Newest first; a project's, an owner's, or all; of that kind alone where one is named (`limit`
        counts all kinds)."""
        query = sa.select(jobs.c.document).order_by(*_NEWEST_FIRST).limit(limit)
        if project_id is not None:
            query = query.where(jobs.c.project_id == project_id)
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        with self._database.read() as transaction:
            found = [load(Job, document) for document in transaction.execute(query).scalars()]
        return [job for job in found if kind is None or job.kind is kind]

    def cancel(self, job_id: str) -> Job:
        """A queued job is cancelled at once; a running one is told to stop, and stops within a segment. A
        final job stays as it is."""
        with self._database.write(f"job {job_id}") as transaction:
            row = _row(transaction, job_id)
            job = load(Job, row.document)
            if job.state is JobState.QUEUED:
                return self._change(
                    transaction, row, state=JobState.CANCELLED, message="Cancelled", seconds_left=None
                )
            if job.state.final or row.cancel_requested:
                return job
            transaction.execute(sa.update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))
            return self._change(transaction, row, message="Stopping", seconds_left=None)

    def delete(self, job_id: str) -> None:
        """Deletes a final job; its files go with the trash. ReelError `job.active` for one that is not
        final."""
        with self._database.write(f"job {job_id}") as transaction:
            row = _row(transaction, job_id)
            if not JobState(row.state).final:
                raise ReelError.of(
                    "job.active",
                    "The job is not over yet",
                    f"It is {row.state}.",
                    "Cancel it first, then delete it.",
                    409,
                )
            delete_jobs(transaction, jobs.c.id == job_id)

    def events(self, job_id: str, after: int | None = None) -> list[JobEvent]:
        """What changed after that sequence number, oldest first; without one, the job as it is. ReelError
        `job.not-found`."""
        with self._database.read() as transaction:
            row = _row(transaction, job_id)
            if after is None:
                return [JobEvent(row.sequence, load(Job, row.document))]
            query = sa.select(job_events.c.sequence, job_events.c.document).where(
                job_events.c.job_id == job_id, job_events.c.sequence > after
            )
            found = transaction.execute(query.order_by(job_events.c.sequence)).all()
            return [JobEvent(each.sequence, load(Job, each.document)) for each in found]

    def sequences(self, job_ids: Sequence[str]) -> dict[str, int]:
        """The newest sequence number of each of these jobs that is there."""
        found: dict[str, int] = {}
        with self._database.read() as transaction:
            for start in range(0, len(job_ids), ASKED_AT_ONCE):
                some = jobs.c.id.in_(job_ids[start : start + ASKED_AT_ONCE])
                rows = transaction.execute(sa.select(jobs.c.id, jobs.c.sequence).where(some))
                found |= {row.id: row.sequence for row in rows}
        return found

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

    def counts(self) -> dict[str, int]:
        """How many jobs are queued, and how many running."""
        states = [state.value for state in JobState if not state.final]
        query = (
            sa.select(jobs.c.state, sa.func.count()).where(jobs.c.state.in_(states)).group_by(jobs.c.state)
        )
        with self._database.read() as transaction:
            found = {row[0]: row[1] for row in transaction.execute(query).all()}
        return {state: found.get(state, 0) for state in states}

    def in_progress(self) -> list[str]:
        """The ids of jobs that a worker should be at, oldest first; not more than some."""
        query = sa.select(jobs.c.id).where(jobs.c.state == JobState.RUNNING.value)
        with self._database.read() as transaction:
            return [*transaction.execute(query.order_by(jobs.c.created_at).limit(CHECKED_AT_ONCE)).scalars()]

    def exists(self, job_id: str) -> bool:
        with self._database.read() as transaction:
            return transaction.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id)).first() is not None

    def busy(self, workers: int) -> bool:
        """Whether jobs on this server's own processors leave none of so many workers free."""
        active = [state.value for state in JobState if not state.final]
        query = sa.select(jobs.c.id).where(jobs.c.route == Route.LOCAL.value, jobs.c.state.in_(active))
        with self._database.read() as transaction:
            return len(transaction.execute(query.limit(max(workers, 1))).all()) >= max(workers, 1)

    def owner(self, job_id: str) -> str:
        """Whose job it is."""
        with self._database.read() as transaction:
            return _row(transaction, job_id).owner

    def reroute(self, job_id: str, estimate: Estimate, reason: str) -> None:
        """The job goes on elsewhere, by the estimate's route. Repeating it changes nothing."""
        with self._database.write(f"job {job_id}") as transaction:
            row = self._own(transaction, job_id)
            if row.route == estimate.route.value or JobState(row.state).final:
                return
            transaction.execute(sa.update(jobs).where(jobs.c.id == job_id).values(route=estimate.route.value))
            self._change(
                transaction,
                row,
                message="Waiting for the worker",
                estimate=estimate,
                processor=estimate.processor,
                reason=reason,
                seconds_left=estimate.seconds,
            )

    def request(self, job_id: str) -> ExportRequest:
        """What an export is to make."""
        with self._database.read() as transaction:
            return load(ExportRequest, _row(transaction, job_id).request)

    def tracking_request(self, job_id: str) -> TrackingRequest:
        """What a tracking job is to look at."""
        with self._database.read() as transaction:
            return load(TrackingRequest, _row(transaction, job_id).request)

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
                self._change(transaction, row, message=message, processor=processor, seconds_left=None)
            else:
                self._change(
                    transaction, row, state=JobState.RUNNING, message="Starting", processor=processor
                )
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
                self._change(
                    transaction,
                    row,
                    progress_only=True,
                    progress=progress,
                    message=message,
                    seconds_left=seconds_left,
                )

    def compute_seconds(self, job_id: str) -> float:
        """Seconds of computing noted so far, over all attempts."""
        with self._database.read() as transaction:
            return _row(transaction, job_id).compute_seconds

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
                self._change(transaction, row, state=state, seconds_left=None, **changes)

    def _own(self, transaction: sa.Connection, job_id: str) -> Any:
        """The job's row, where it is still this executor's to change."""
        row = _row(transaction, job_id)
        if self._executor is not None and row.executor not in (None, self._executor):
            raise Superseded(f"Job {job_id} was taken over by {row.executor}.")
        return row

    def _change(
        self, transaction: sa.Connection, row: Any, *, progress_only: bool = False, **changes: Any
    ) -> Job:
        before = load(Job, row.document)
        job = dataclasses.replace(before, sequence=before.sequence + 1, **changes)
        if job.state is not before.state:
            check_transition(before.state, job.state)
        transaction.execute(
            sa.update(jobs)
            .where(jobs.c.id == job.id)
            .values(state=job.state.value, document=dump(job), sequence=job.sequence)
        )
        _insert_event(transaction, job, progress_only=progress_only)
        stale = job.sequence - KEPT_PROGRESS_EVENTS
        transaction.execute(
            sa.delete(job_events).where(
                job_events.c.job_id == job.id, job_events.c.progress_only, job_events.c.sequence < stale
            )
        )
        return job


def delete_jobs(transaction: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    """Deletes jobs and notes their files for deletion."""
    for job_id in transaction.execute(sa.select(jobs.c.id).where(which)).scalars().all():
        throw_away(transaction, job_folder(job_id))
        transaction.execute(sa.delete(jobs).where(jobs.c.id == job_id))


def active_jobs(transaction: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """How many of these jobs are not over yet."""
    active = [state.value for state in JobState if not state.final]
    query = sa.select(sa.func.count()).select_from(jobs).where(which, jobs.c.state.in_(active))
    return transaction.execute(query).scalar_one()


def _row(transaction: sa.Connection, job_id: str) -> Any:
    row = transaction.execute(sa.select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise job_not_found(job_id)
    return row


def _made_before(
    transaction: sa.Connection, project_id: str, request: Request, key: str | None
) -> Job | None:
    if key is None:
        return None
    query = sa.select(jobs.c.document, jobs.c.request)
    query = query.where(jobs.c.project_id == project_id, jobs.c.idempotency_key == key)
    known = transaction.execute(query).first()
    if known is None:
        return None
    if not _same(known.request, request):
        raise ReelError.of(
            "job.idempotency-key",
            "This Idempotency-Key belongs to another request",
            f"{key!r} was sent with a different request before.",
            "Use a fresh key for a different request.",
            422,
        )
    return load(Job, known.document)


def _same(stored: str, request: Request) -> bool:
    """Whether a stored request was asked for in these words."""
    try:
        before = load(type(request), stored)
    except ValueError:
        return False  # of the other kind
    if isinstance(before, ExportRequest) and isinstance(request, ExportRequest):
        return before.as_asked() == request.as_asked()
    return before == request


def _insert_event(transaction: sa.Connection, job: Job, *, progress_only: bool) -> None:
    transaction.execute(
        sa.insert(job_events).values(
            job_id=job.id, sequence=job.sequence, progress_only=progress_only, document=dump(job)
        )
    )
