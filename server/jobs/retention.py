"""What is deleted by itself: results and media that nobody has asked for in a long while, uploads that were
given up, and files that nothing leads to.

Rows go first and their files with the trash (`server.db.trash`), as when people delete them; so a process
that dies here forgets no file.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import sqlalchemy as sa

from pycore.protocol import JobState, ReelError
from server.config import Config
from server.db.database import Database
from server.db.media import MediaTable
from server.db.tables import job_media, jobs, media, projects, tickets
from server.db.trash import empty_trash, throw_away
from server.jobs.manager import JobManager
from server.storage.base import Storage
from server.storage.cache import FileCache
from server.storage.keys import job_folder, media_folder

_log = logging.getLogger(__name__)

DAY = 86400.0
UPLOAD_DAYS = 2
"""An upload that was not completed by then is given up, as by the bucket's own rule (r2-lifecycle.json)."""
LOST_DAYS = 8
"""A file that no row knows is deleted when it is that old: longer than any URL to write it lasts."""
TIDY_SECONDS = 600.0
SEARCH_SECONDS = DAY
"""How often the whole storage is looked through for such files."""
_AT_ONCE = 500
_FINAL = [state.value for state in JobState if state.final]


@dataclass(frozen=True, slots=True)
class Retention:
    """`media_days`: media that no job and no change of their project has needed for so long are deleted;
    `result_days`: jobs that were asked for so long ago and are over, with what they made. 0: kept for ever.
    `clock` gives Unix seconds."""

    database: Database
    storage: Storage
    media_days: int = 0
    result_days: int = 0
    clock: Callable[[], float] = time.time

    def tidy(self) -> int:
        """Deletes what is due; how many jobs and files that were."""
        found = self._uploads()
        if self.result_days:
            found += self._jobs()
        if self.media_days:
            found += self._media()
        with self.database.write("tickets") as transaction:
            transaction.execute(sa.delete(tickets).where(tickets.c.expires_at < self.clock()))
        empty_trash(self.database, self.storage)
        return found

    def find_lost(self) -> int:
        """Deletes files whose job or medium is not on record, such as what a worker at RunPod stored after
        its job had been deleted; how many folders that were."""
        folders = {
            *self._lost("jobs", jobs.c.id, lambda key: (key[1], job_folder(key[1]))),
            *self._lost("projects", media.c.id, lambda key: (key[3], media_folder(key[1], key[3]))),
        }
        with self.database.write("trash") as transaction:
            for folder in folders:
                throw_away(transaction, folder)
        empty_trash(self.database, self.storage)
        return len(folders)

    def _jobs(self) -> int:
        manager = JobManager(self.database)
        due = sa.select(jobs.c.id).where(
            jobs.c.state.in_(_FINAL), jobs.c.created_at < self._ago(self.result_days)
        )
        return self._each(due, lambda job_id: manager.delete(job_id))

    def _media(self) -> int:
        since = self._ago(self.media_days)
        needed = (
            sa.select(job_media.c.media_id)
            .join(jobs, jobs.c.id == job_media.c.job_id)
            .where((jobs.c.created_at >= since) | jobs.c.state.not_in(_FINAL))
        )
        due = (
            sa.select(media.c.project_id, media.c.id)
            .join(projects, projects.c.id == media.c.project_id)
            .where(media.c.created_at < since, projects.c.updated_at < since, media.c.id.not_in(needed))
        )
        return self._each(due, MediaTable(self.database).delete)

    def _uploads(self) -> int:
        due = sa.select(media.c.project_id, media.c.id).where(
            media.c.info.is_(None), media.c.created_at < self._ago(UPLOAD_DAYS)
        )
        return self._each(due, MediaTable(self.database).delete)

    def _each(self, due: sa.Select[*tuple[Any, ...]], delete: Callable[..., object]) -> int:
        """Deletes each; what has become busy, or is gone, meanwhile is left."""
        found = 0
        while True:
            with self.database.read() as transaction:
                rows = transaction.execute(due.limit(_AT_ONCE)).all()
            before = found
            for row in rows:
                try:
                    delete(*row)
                    found += 1
                except ReelError as error:
                    _log.info("%s stays: %s", row, error.problem)
            if len(rows) < _AT_ONCE or found == before:
                return found

    def _lost(
        self, root: str, ids: sa.Column[str], of: Callable[[list[str]], tuple[str, str]]
    ) -> Iterable[str]:
        """Folders of old files below `root` whose id, by `of` (id, folder), no row has."""
        before = self._ago(LOST_DAYS)
        folders: dict[str, str] = {}
        for each in self.storage.objects(root):
            if each.modified_at < before:
                owner, folder = of(each.key.split("/"))
                folders[owner] = folder
        known: set[str] = set()
        for start in range(0, len(folders), _AT_ONCE):
            some = [*folders][start : start + _AT_ONCE]
            with self.database.read() as transaction:
                known.update(transaction.execute(sa.select(ids).where(ids.in_(some))).scalars())
        return [folder for owner, folder in folders.items() if owner not in known]

    def _ago(self, days: float) -> float:
        return self.clock() - days * DAY


def start_tidying(config: Config, retention: Retention, stopping: Event) -> None:
    """Tidies every TIDY_SECONDS, and at once, in a thread: deleting in a bucket takes its time."""

    def tidy() -> None:
        searched = -SEARCH_SECONDS
        while True:
            try:
                if found := retention.tidy():
                    _log.info("deleted %d jobs and media whose time was over", found)
                if time.monotonic() - searched >= SEARCH_SECONDS:
                    searched = time.monotonic()
                    if lost := retention.find_lost():
                        _log.warning("deleted %d folders that nothing led to", lost)
                if config.s3 is not None:
                    sweep_copies(config.cache, config.cache_bytes)
            except ReelError as error:
                _log.warning("tidying failed: %s", error.problem)
            except Exception:  # noqa: BLE001  the next time may fare better
                _log.exception("tidying failed")
            if stopping.wait(TIDY_SECONDS):
                return

    Thread(target=tidy, name="tidy", daemon=True).start()


def sweep_copies(cache: Path, most_bytes: int) -> None:
    """Removes this machine's copies of a bucket's files that were not needed for a day: deleted ones too."""
    FileCache(cache, most_bytes).sweep()
