"""Media files of projects: what is known of each, and how far its upload is."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pycore.protocol import MediaInfo, ReelError, UploadRequest
from server.db.database import Database
from server.db.documents import dump, load
from server.db.tables import job_media, jobs, media, projects
from server.db.trash import throw_away
from server.jobs.rows import active_jobs, delete_jobs
from server.storage.keys import media_folder, media_key


@dataclass(frozen=True, slots=True)
class MediaRecord:
    """A media file. `upload` is the storage's id of the upload in parts; `info` is there once it is
    complete and probed."""

    id: str
    project_id: str
    name: str
    bytes: int
    part_bytes: int
    upload: str
    info: MediaInfo | None

    @property
    def key(self) -> str:
        return media_key(self.project_id, self.id, self.name)


class MediaTable:
    """Reads and writes media records. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def find(self, project_id: str, fingerprint: str, length: int) -> MediaRecord | None:
        """The project's file of that content, where its upload was begun. ReelError where there is no
        project."""
        with self._database.read() as transaction:
            _check_project(transaction, project_id)
            row = transaction.execute(_by_content(project_id, fingerprint, length)).first()
        return None if row is None else _record(row)

    def add(
        self, project_id: str, media_id: str, request: UploadRequest, part_bytes: int, upload: str
    ) -> MediaRecord:
        """Notes a begun upload. Where somebody noted the same content first, that record counts: compare
        ids."""
        with self._database.write(f"project {project_id}") as transaction:
            _check_project(transaction, project_id)
            content = _by_content(project_id, request.fingerprint, request.bytes)
            row = transaction.execute(content).first()
            if row is None:
                transaction.execute(
                    sa.insert(media).values(
                        id=media_id,
                        project_id=project_id,
                        name=request.name,
                        bytes=request.bytes,
                        fingerprint=request.fingerprint,
                        part_bytes=part_bytes,
                        upload=upload,
                        created_at=self._clock(),
                    )
                )
                row = transaction.execute(content).first()
        return _record(row)

    def get(self, project_id: str, media_id: str) -> MediaRecord:
        """ReelError `media.not-found` where the project has no such file."""
        with self._database.read() as transaction:
            return _existing(transaction, project_id, media_id)

    def complete(self, project_id: str, media_id: str, info: MediaInfo) -> None:
        """Notes what the probe found. ReelError `media.not-found` where the file was deleted meanwhile."""
        with self._database.write(f"project {project_id}") as transaction:
            _existing(transaction, project_id, media_id)
            transaction.execute(sa.update(media).where(media.c.id == media_id).values(info=dump(info)))

    def begun(self) -> list[MediaRecord]:
        """Every file that is not complete."""
        with self._database.read() as transaction:
            rows = transaction.execute(sa.select(media).where(media.c.info.is_(None)).order_by(media.c.id))
            return [_record(row) for row in rows]

    def moved(self, media_id: str, upload: str) -> None:
        """Notes that a begun upload has another id in the storage from now on."""
        with self._database.write(f"media {media_id}") as transaction:
            transaction.execute(sa.update(media).where(media.c.id == media_id).values(upload=upload))

    def used_bytes(self, project_id: str) -> int:
        """What all media of this project's owner have together, uploads under way included."""
        owner = sa.select(projects.c.owner).where(projects.c.id == project_id).scalar_subquery()
        query = sa.select(sa.func.coalesce(sa.func.sum(media.c.bytes), 0)).select_from(
            media.join(projects, media.c.project_id == projects.c.id)
        )
        with self._database.read() as transaction:
            return int(transaction.execute(query.where(projects.c.owner == owner)).scalar_one())

    def delete(self, project_id: str, media_id: str) -> MediaRecord:
        """Deletes the record with its jobs; files go with the trash. ReelError `media.busy` while a job
        needs it."""
        with self._database.write(f"project {project_id}") as transaction:
            record = _existing(transaction, project_id, media_id)
            using = jobs.c.id.in_(sa.select(job_media.c.job_id).where(job_media.c.media_id == media_id))
            if active_jobs(transaction, using):
                raise ReelError.of(
                    "media.busy",
                    "A job that is not over needs this file",
                    hint="Cancel the job first, then delete the file.",
                    status=409,
                )
            delete_jobs(transaction, using)
            throw_away(transaction, media_folder(project_id, media_id))
            transaction.execute(sa.delete(media).where(media.c.id == media_id))
        return record


def new_media_id() -> str:
    return secrets.token_hex(12)


def _by_content(project_id: str, fingerprint: str, length: int) -> Any:
    return sa.select(media).where(
        media.c.project_id == project_id, media.c.fingerprint == fingerprint, media.c.bytes == length
    )


def _existing(transaction: sa.Connection, project_id: str, media_id: str) -> MediaRecord:
    query = sa.select(media).where(media.c.project_id == project_id, media.c.id == media_id)
    row = transaction.execute(query).first()
    if row is None:
        raise ReelError.of(
            "media.not-found",
            "There is no such media file",
            f"Project {project_id[:64]!r} has no file {media_id[:64]!r}.",
            "It may be deleted; upload it again.",
            404,
        )
    return _record(row)


def _check_project(transaction: sa.Connection, project_id: str) -> None:
    if transaction.execute(sa.select(projects.c.id).where(projects.c.id == project_id)).first() is None:
        raise ReelError.of(
            "project.not-found",
            "There is no such project",
            f"No project has the id {project_id[:64]!r}.",
            "Create it first.",
            404,
        )


def _record(row: Any) -> MediaRecord:
    info = None if row.info is None else load(MediaInfo, row.info)
    return MediaRecord(row.id, row.project_id, row.name, row.bytes, row.part_bytes, row.upload, info)
