"""Rows of jobs and of the events that tell of them, inside a transaction that somebody else has begun."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from pycore.protocol import ExportRequest, Job, JobState, ReelError, TrackingRequest
from server.db.documents import dump, load
from server.db.owners import job_not_found
from server.db.tables import job_events, jobs
from server.db.trash import throw_away
from server.jobs.states import check_transition
from server.storage.keys import job_folder

Request = ExportRequest | TrackingRequest

KEPT_PROGRESS_EVENTS = 50
"""Events that tell of progress alone are kept this far back: enough for those who watch, or come back."""

ACTIVE = [state.value for state in JobState if not state.final]
"""The states of jobs that are not over."""


def row_of(transaction: sa.Connection, job_id: str) -> Any:
    """The whole row. ReelError `job.not-found`."""
    row = transaction.execute(sa.select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise job_not_found(job_id)
    return row


def made_before(transaction: sa.Connection, project_id: str, request: Request, key: str | None) -> Job | None:
    """The job that this idempotency key made, if any. ReelError `job.idempotency-key` where it was another
    request."""
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


def insert_event(transaction: sa.Connection, job: Job, *, progress_only: bool) -> None:
    """Notes that the job is now as it is."""
    transaction.execute(
        sa.insert(job_events).values(
            job_id=job.id, sequence=job.sequence, progress_only=progress_only, document=dump(job)
        )
    )


def change(transaction: sa.Connection, row: Any, *, progress_only: bool = False, **changes: Any) -> Job:
    """The job after these changes of its document, with its next event. IllegalTransition where it cannot
    go to that state."""
    before = load(Job, row.document)
    job = dataclasses.replace(before, sequence=before.sequence + 1, **changes)
    if job.state is not before.state:
        check_transition(before.state, job.state)
    transaction.execute(
        sa.update(jobs)
        .where(jobs.c.id == job.id)
        .values(state=job.state.value, document=dump(job), sequence=job.sequence)
    )
    insert_event(transaction, job, progress_only=progress_only)
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
    query = sa.select(sa.func.count()).select_from(jobs).where(which, jobs.c.state.in_(ACTIVE))
    return transaction.execute(query).scalar_one()


def _same(stored: str, request: Request) -> bool:
    """Whether a stored request was asked for in these words."""
    try:
        before = load(type(request), stored)
    except ValueError:
        return False  # of the other kind
    if isinstance(before, ExportRequest) and isinstance(request, ExportRequest):
        return before.as_asked() == request.as_asked()
    return before == request
