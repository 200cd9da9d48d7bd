"""Stored project documents."""

import dataclasses
import time
from collections.abc import Callable

import sqlalchemy as sa

from pycore.protocol import Project, ReelError
from server.db.database import Database
from server.db.documents import dump, load
from server.db.owners import project_not_found
from server.db.tables import jobs, projects
from server.db.tokens import LOCAL
from server.db.trash import throw_away
from server.jobs.rows import active_jobs, delete_jobs
from server.storage.keys import project_folder


class Projects:
    """Reads and writes projects. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create(self, project: Project, owner: str = LOCAL) -> Project:
        """Stores a new project as revision 0. The same document again is no error; another under its id, or
        another owner's, is `project.exists`."""
        project = dataclasses.replace(project, revision=0)
        with self._database.write(f"project {project.id}") as transaction:
            row = transaction.execute(sa.select(projects).where(projects.c.id == project.id)).first()
            if row is not None and row.owner == owner and load(Project, row.document) == project:
                return project
            if row is not None:
                raise ReelError.of(
                    "project.exists",
                    "There is a project with this id already",
                    f"{project.id} is at revision {row.revision}." if row.owner == owner else "",
                    "Read it and change it, or choose another id.",
                    409,
                )
            now = self._clock()
            transaction.execute(
                sa.insert(projects).values(
                    id=project.id,
                    owner=owner,
                    document=dump(project),
                    revision=0,
                    created_at=now,
                    updated_at=now,
                )
            )
        return project

    def get(self, project_id: str) -> Project:
        """ReelError `project.not-found` where there is none."""
        with self._database.single() as connection:
            return _existing(connection, project_id)

    def newest(self, owner: str = LOCAL, limit: int = 200) -> list[Project]:
        """An owner's, last changed first."""
        query = sa.select(projects.c.document).where(projects.c.owner == owner)
        query = query.order_by(projects.c.updated_at.desc()).limit(limit)
        with self._database.single() as connection:
            return [load(Project, text) for text in connection.execute(query).scalars()]

    def replace(self, project: Project) -> Project:
        """Stores a change that was made to `project.revision`, as the next revision. ReelError
        `project.stale` where the stored one is another."""
        with self._database.write(f"project {project.id}") as transaction:
            known = _existing(transaction, project.id)
            if known.revision != project.revision:
                raise ReelError.of(
                    "project.stale",
                    "The project was changed meanwhile",
                    f"Your change is to revision {project.revision}; the stored one is {known.revision}.",
                    "Read it again and repeat your change.",
                    409,
                )
            project = dataclasses.replace(project, revision=project.revision + 1)
            transaction.execute(
                sa.update(projects)
                .where(projects.c.id == project.id)
                .values(document=dump(project), revision=project.revision, updated_at=self._clock())
            )
        return project

    def delete(self, project_id: str) -> None:
        """Deletes the project with its media, jobs and results; their files go with the trash. ReelError
        `project.busy` while one of its jobs is not over."""
        with self._database.write(f"project {project_id}") as transaction:
            _existing(transaction, project_id)
            active = active_jobs(transaction, jobs.c.project_id == project_id)
            if active:
                raise ReelError.of(
                    "project.busy",
                    "The project has jobs that are not over",
                    f"{active} of them.",
                    "Cancel them first, then delete the project.",
                    409,
                )
            delete_jobs(transaction, jobs.c.project_id == project_id)
            throw_away(transaction, project_folder(project_id))
            transaction.execute(sa.delete(projects).where(projects.c.id == project_id))


def _select(transaction: sa.Connection, project_id: str) -> Project | None:
    query = sa.select(projects.c.document).where(projects.c.id == project_id)
    text = transaction.execute(query).scalar_one_or_none()
    return None if text is None else load(Project, text)


def _existing(transaction: sa.Connection, project_id: str) -> Project:
    project = _select(transaction, project_id)
    if project is None:
        raise project_not_found(project_id)
    return project
