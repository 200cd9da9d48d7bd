"""What is deleted by itself, on a local storage and on a bucket."""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pycore.protocol import (
    Estimate,
    ExportClip,
    ExportRequest,
    MediaInfo,
    Output,
    Problem,
    Project,
    Rect,
    ReelError,
    Route,
    Size,
    UploadRequest,
)
from server.config import Config
from server.config.runpod import Caps
from server.config.s3 import S3Settings
from server.db.attempts import Attempts, End
from server.db.database import Database
from server.db.media import MediaRecord, MediaTable
from server.db.projects import Projects
from server.jobs.manager import JobManager
from server.jobs.retention import DAY, LOST_DAYS, UPLOAD_DAYS, Retention, start_tidying
from server.storage.base import Storage
from server.storage.cache import FileCache
from server.storage.keys import media_key, result_keys
from server.storage.local import LocalStorage
from server.storage.s3 import S3Storage
from server.storage.signing import UrlSigner
from server.tests.job_bench import CPU
from server.tests.processes import await_

NOW = time.time()


@dataclass
class Shelf:
    """A database and a storage, and things put there so many days ago."""

    database: Database
    storage: Storage

    def retention(self, media_days: int = 30, result_days: int = 7, days_later: float = 0.0) -> Retention:
        clock = lambda: NOW + days_later * DAY  # noqa: E731
        return Retention(self.database, self.storage, media_days, result_days, clock)

    def project(self, name: str, days: float) -> None:
        Projects(self.database, lambda: NOW - days * DAY).create(Project(name, name, Output(Size(96, 64))))

    def medium(self, project: str, name: str, days: float, *, whole: bool = True) -> MediaRecord:
        table = MediaTable(self.database, lambda: NOW - days * DAY)
        key = media_key(project, name, "clip.mp4")
        request = UploadRequest("clip.mp4", 6, secrets.token_hex(8))
        record = table.add(project, name, request, 10, self.storage.create_upload(key))
        if whole:
            self.storage.put_part(key, record.upload, 1, [b"source"], 6)
            self.storage.complete_upload(key, record.upload, 1)
            table.complete(project, name, MediaInfo(name, "clip.mp4", 6, Size(48, 32), 1_000_000))
        return record

    def job(self, project: str, medium: str, days: float, *, over: bool = True) -> str:
        """A job with a result in the storage."""
        manager = JobManager(self.database, lambda: NOW - days * DAY)
        request = ExportRequest([ExportClip(medium, 0, 1_000_000, Rect(0, 0, 48, 32))], Size(96, 64))
        estimate = Estimate(Route.LOCAL, CPU, 4.0, 0.0, True, "test")
        job, _ = manager.create(project, request, name="reel", estimate=estimate, reason="")
        self.storage.put(result_keys(job.id)[0], [b"a reel"])
        manager.start(job.id, CPU)
        if over:
            manager.fail(job.id, Problem("x", "X"))
        return job.id

    def left(self) -> set[str]:
        """The ids that files belong to."""
        return {
            each.key.split("/")[1 if each.key.startswith("jobs/") else 3] for each in self.storage.objects("")
        }


@pytest.fixture(params=["local", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "local":
        storage: Storage = LocalStorage(tmp_path / "storage", UrlSigner(b"key", "/"))
    else:
        seaweed: S3Settings = request.getfixturevalue("seaweed")
        own = replace(seaweed, prefix=f"keep-{secrets.token_hex(6)}/")
        storage = S3Storage(own, FileCache(tmp_path / "cache", 1 << 30))
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    yield Shelf(database, storage)
    database.close()


def test_results_go_when_their_days_are_over(shelf: Shelf) -> None:
    shelf.project("p", 40)
    shelf.medium("p", "m", 1)
    old, young, at_work = shelf.job("p", "m", 8), shelf.job("p", "m", 6), shelf.job("p", "m", 8, over=False)
    attempts = Attempts(shelf.database, lambda: NOW)
    attempts.begin("a", old, "local", "l4", 0.5, Caps())
    attempts.end("a", End.SUCCEEDED, 0.5)
    assert shelf.retention().tidy() == 1
    assert shelf.left() == {"m", young, at_work}
    with pytest.raises(ReelError, match="no such job"):
        JobManager(shelf.database).get(old)
    assert attempts.spent(old) == 0.5, "what was spent stays spent"
    assert shelf.retention().tidy() == 0


def test_media_go_when_nobody_has_needed_them_for_their_days(shelf: Shelf) -> None:
    shelf.project("quiet", 40)
    shelf.project("edited", 3)
    shelf.medium("quiet", "forgotten", 40)
    shelf.medium("quiet", "young", 29)
    shelf.medium("quiet", "exported", 40)
    shelf.medium("quiet", "waited-for", 40)
    shelf.medium("edited", "in-use", 40)
    export = shelf.job("quiet", "exported", 3)
    waiting = shelf.job("quiet", "waited-for", 35, over=False)
    gone = shelf.job("quiet", "forgotten", 31)
    assert shelf.retention().tidy() == 2
    assert shelf.left() == {"young", "exported", "waited-for", "in-use", export, waiting}
    assert gone not in shelf.left()
    assert MediaTable(shelf.database).used_bytes("quiet") == 4 * 6, "the quota has room again"


def test_uploads_that_were_given_up_go_always(shelf: Shelf) -> None:
    shelf.project("p", 0)
    left = shelf.medium("p", "left", UPLOAD_DAYS + 1, whole=False)
    going_on = shelf.medium("p", "going-on", UPLOAD_DAYS - 1, whole=False)
    shelf.storage.put_part(left.key, left.upload, 1, [b"source"], 6)
    assert shelf.retention(0, 0).tidy() == 1
    with pytest.raises(ReelError, match="not there"):
        shelf.storage.list_parts(left.key, left.upload)
    assert shelf.storage.list_parts(going_on.key, going_on.upload) == []


def test_without_days_everything_is_kept(shelf: Shelf) -> None:
    shelf.project("p", 4000)
    shelf.medium("p", "m", 4000)
    job = shelf.job("p", "m", 4000)
    assert shelf.retention(0, 0).tidy() == 0
    assert shelf.left() == {"m", job}


def test_files_that_nothing_leads_to_go_once_no_url_can_write_them(shelf: Shelf) -> None:
    """As a worker at RunPod leaves them that ends after its job was deleted."""
    shelf.project("p", 0)
    shelf.medium("p", "m", 0)
    job = shelf.job("p", "m", 0)
    shelf.storage.put(result_keys("deleted-job")[0], [b"late"])
    shelf.storage.put(media_key("p", "deleted-medium", "clip.mp4"), [b"late"])
    assert shelf.retention().find_lost() == 0
    assert shelf.retention(days_later=LOST_DAYS + 1).find_lost() == 2
    assert shelf.left() == {"m", job}


def test_a_worker_tidies_at_once(shelf: Shelf, tmp_path: Path) -> None:
    shelf.project("p", 40)
    shelf.medium("p", "m", 1)
    shelf.job("p", "m", 8)
    stopping = threading.Event()
    start_tidying(Config(tmp_path), shelf.retention(), stopping)
    await_("the result's end", lambda: shelf.left() == {"m"})
    stopping.set()


def test_copies_of_a_buckets_files_go_a_day_after_they_were_needed(tmp_path: Path) -> None:
    shelf = Shelf(
        Database(f"sqlite:///{tmp_path / 'test.sqlite'}"), LocalStorage(tmp_path, UrlSigner(b"key", "/"))
    )
    config = Config(tmp_path, s3=S3Settings("https://bucket.example", "reels", "id", "secret"))
    cache = FileCache(config.cache, config.cache_bytes)
    for name, age_s in (("deleted", DAY + 60), ("in-use", 60)):
        with cache.file(f"jobs/{name}/result.mp4", "etag", Path.touch) as path:
            lock = path.parent.with_suffix(".lock")
        then = time.time() - age_s
        os.utime(lock, (then, then))
    stopping = threading.Event()
    start_tidying(config, shelf.retention(), stopping)
    await_("the old copy's end", lambda: len([*config.cache.rglob("*.mp4")]) == 1)
    stopping.set()
