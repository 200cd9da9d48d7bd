"""What is known of jobs. Each answer is one state of the database."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from pycore.protocol import ExportRequest, Job, JobEvent, JobKind, JobState, Route, TrackingRequest
from server.db.database import Database
from server.db.documents import load
from server.db.owners import job_not_found
from server.db.tables import job_events, jobs
from server.jobs.rows import ACTIVE, Request, made_before, row_of

CHECKED_AT_ONCE = 100
ASKED_AT_ONCE = 500

_NEWEST_FIRST = (jobs.c.created_at.desc(), jobs.c.id.desc())


@dataclass(frozen=True, slots=True)
class History:
    """`events` of a job, oldest first; the newest `sequence` number there is, and whether it is the last."""

    events: list[JobEvent]
    sequence: int
    final: bool


class JobReader:
    """Reads jobs and changes none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def made_before(self, project_id: str, request: Request, idempotency_key: str | None) -> Job | None:
        """The job that this key made, if any. ReelError `job.idempotency-key` where it was another
        request."""
        with self._database.single() as connection:
            return made_before(connection, project_id, request, idempotency_key)

    def get(self, job_id: str) -> Job:
        """ReelError `job.not-found` where there is none."""
        with self._database.single() as connection:
            return load(Job, row_of(connection, job_id).document)

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
        with self._database.single() as connection:
            found = [load(Job, document) for document in connection.execute(query).scalars()]
        return [job for job in found if kind is None or job.kind is kind]

    def events(self, job_id: str, after: int | None = None) -> list[JobEvent]:
        """What changed after that sequence number, oldest first; without one, the job as it is. ReelError
        `job.not-found`."""
        return self.history(job_id, after).events

    def history(self, job_id: str, after: int | None = None) -> History:
        """The same with how far the job is, from one look."""
        query = sa.select(jobs.c.sequence, jobs.c.state)
        if after is None:
            query = query.add_columns(jobs.c.sequence.label("at"), jobs.c.document)
        else:
            later = sa.and_(job_events.c.job_id == jobs.c.id, job_events.c.sequence > after)
            query = query.add_columns(job_events.c.sequence.label("at"), job_events.c.document)
            query = query.select_from(jobs.outerjoin(job_events, later)).order_by(job_events.c.sequence)
        with self._database.single() as connection:
            found = connection.execute(query.where(jobs.c.id == job_id)).all()
        if not found:
            raise job_not_found(job_id)
        events = [JobEvent(row.at, load(Job, row.document)) for row in found if row.at is not None]
        return History(events, found[0].sequence, JobState(found[0].state).final)

    def sequences(self, job_ids: Sequence[str]) -> dict[str, int]:
        """The newest sequence number of each of these jobs that is there."""
        found: dict[str, int] = {}
        with self._database.single() as connection:
            for start in range(0, len(job_ids), ASKED_AT_ONCE):
                some = jobs.c.id.in_(job_ids[start : start + ASKED_AT_ONCE])
                rows = connection.execute(sa.select(jobs.c.id, jobs.c.sequence).where(some))
                found |= {row.id: row.sequence for row in rows}
        return found

    def counts(self) -> dict[str, int]:
        """How many jobs are queued, and how many running."""
        query = sa.select(jobs.c.state, sa.func.count()).where(jobs.c.state.in_(ACTIVE))
        query = query.group_by(jobs.c.state)
        with self._database.single() as connection:
            found = {row[0]: row[1] for row in connection.execute(query).all()}
        return {state: found.get(state, 0) for state in ACTIVE}

    def in_progress(self) -> list[str]:
        """The ids of jobs that a worker should be at, oldest first; not more than some."""
        query = sa.select(jobs.c.id).where(jobs.c.state == JobState.RUNNING.value)
        with self._database.single() as connection:
            return [*connection.execute(query.order_by(jobs.c.created_at).limit(CHECKED_AT_ONCE)).scalars()]

    def exists(self, job_id: str) -> bool:
        with self._database.single() as connection:
            return connection.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id)).first() is not None

    def busy(self, workers: int) -> bool:
        """Whether jobs on this server's own processors leave none of so many workers free."""
        query = sa.select(jobs.c.id).where(jobs.c.route == Route.LOCAL.value, jobs.c.state.in_(ACTIVE))
        with self._database.single() as connection:
            return len(connection.execute(query.limit(max(workers, 1))).all()) >= max(workers, 1)

    def owner(self, job_id: str) -> str:
        """Whose job it is."""
        with self._database.single() as connection:
            return row_of(connection, job_id).owner

    def request(self, job_id: str) -> ExportRequest:
        """What an export is to make."""
        with self._database.single() as connection:
            return load(ExportRequest, row_of(connection, job_id).request)

    def tracking_request(self, job_id: str) -> TrackingRequest:
        """What a tracking job is to look at."""
        with self._database.single() as connection:
            return load(TrackingRequest, row_of(connection, job_id).request)

    def asked_route(self, job_id: str) -> Route:
        """What the request said about where to run."""
        with self._database.single() as connection:
            row = row_of(connection, job_id)
        kind = ExportRequest if load(Job, row.document).kind is JobKind.EXPORT else TrackingRequest
        return load(kind, row.request).route

    def compute_seconds(self, job_id: str) -> float:
        """Seconds of computing noted so far, over all attempts."""
        with self._database.single() as connection:
            return row_of(connection, job_id).compute_seconds
