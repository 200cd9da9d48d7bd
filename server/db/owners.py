"""Whose things are: another owner's project or job is answered like one that is not there."""

import sqlalchemy as sa

from pycore.protocol import ReelError
from server.db.database import Database
from server.db.tables import jobs, projects


class Owners:
    """Checks ownership by ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check_project(self, owner: str, project_id: str) -> None:
        """ReelError `project.not-found` unless there is such a project of this owner."""
        query = sa.select(projects.c.owner).where(projects.c.id == project_id)
        if not self._is(owner, query):
            raise project_not_found(project_id)

    def check_job(self, owner: str, job_id: str) -> None:
        """ReelError `job.not-found` unless there is such a job of this owner."""
        if not self._is(owner, sa.select(jobs.c.owner).where(jobs.c.id == job_id)):
            raise job_not_found(job_id)

    def _is(self, owner: str, query: sa.Select[tuple[str]]) -> bool:
        with self._database.single() as connection:
            return connection.execute(query).scalar_one_or_none() == owner


def project_not_found(project_id: str) -> ReelError:
    return ReelError.of(
        "project.not-found",
        "There is no such project",
        f"No project has the id {project_id[:64]!r}.",
        "It may be deleted; create it again.",
        404,
    )


def job_not_found(job_id: str) -> ReelError:
    return ReelError.of(
        "job.not-found",
        "There is no such job",
        f"No job has the id {job_id[:64]!r}.",
        "It may be deleted.",
        404,
    )
