"""Jobs without processes: a processor whose segments are a few bytes, and all that jobs need around it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pycore.protocol import (
    Estimate,
    ExportClip,
    ExportRequest,
    Job,
    MediaInfo,
    Output,
    Processor,
    ProcessorKind,
    Project,
    Rect,
    Route,
    Size,
    UploadRequest,
)
from server.db.database import Database
from server.db.fleet import Fleet
from server.db.media import MediaTable
from server.db.projects import Projects
from server.gpu.base import ClipPlan, ExportPlan, FinishedFile, Segment, SegmentStats, Sources
from server.jobs.exports import ExportSteps
from server.jobs.manager import JobManager
from server.jobs.steps import Cancelled
from server.storage.keys import media_key
from server.storage.local import LocalStorage
from server.storage.signing import UrlSigner

CPU = Processor(ProcessorKind.CPU, "Test CPU", True)
REQUEST = ExportRequest([ExportClip("media-1", 0, 1_000_000, Rect(0, 0, 48, 32))], Size(96, 64))
SEGMENTS = 3


class Killed(BaseException):
    """The process died here."""


@dataclass
class Scripted:
    """A processor whose segments are a few bytes each. `ran` counts finished runs; `during` is called in
    each, `at_once` of them."""

    ran: Counter[int] = field(default_factory=Counter)
    at_once: int = 1
    during: Callable[[int, threading.Event], None] = lambda index, stop: None
    noted: str = ""

    def info(self) -> Processor:
        return CPU

    def parallel(self) -> int:
        return self.at_once

    def plan(self, sources: Sources, request: ExportRequest) -> ExportPlan:
        segments = [Segment(index, 0, 10 * index, 10, 10) for index in range(SEGMENTS)]
        size, frames = Size(48, 32), 10 * SEGMENTS
        clip = ClipPlan(0, frames, size, request.clips[0].crop, size, 4, 1_000_000, False)
        return ExportPlan(request, [clip], segments, frames, request.size, 30.0, 30, 1_000_000, False)

    def run_segment(
        self,
        sources: Sources,
        plan: ExportPlan,
        index: int,
        target: Path,
        progress: Callable[[float], None],
        stop: threading.Event,
    ) -> SegmentStats:
        self.during(index, stop)
        progress(1.0)
        target.write_bytes(b"segment %d " % index)
        self.ran[index] += 1
        return SegmentStats(10, 0.5, [self.noted] if self.noted else [])

    def finish(self, sources: Sources, plan: ExportPlan, segments: list[Path], target: Path) -> FinishedFile:
        target.write_bytes(b"".join(path.read_bytes() for path in segments))
        return FinishedFile(target.stat().st_size, "0" * 64, plan.frames, plan.duration_us, False)


@dataclass
class Bench:
    """All that jobs need, on one data directory."""

    database: Database
    manager: JobManager
    storage: LocalStorage
    processor: Scripted
    steps: ExportSteps

    def job(self, **options: Any) -> Job:
        estimate = Estimate(Route.LOCAL, CPU, 4.0, 0.0, True, "test")
        return self.manager.create(
            "project-1", REQUEST, name="reel", estimate=estimate, reason="", **options
        )[0]

    def run(self, job_id: str) -> None:
        """The workflow's way, without its durability."""
        if not self.steps.begin(job_id):
            return
        try:
            plan = self.steps.plan(job_id)
            self.steps.finish(job_id, plan, self.steps.segments(job_id, plan))
        except Cancelled:
            self.steps.cancelled(job_id)

    def files(self, job_id: str) -> list[str]:
        return [each.key.rpartition("/")[2] for each in self.storage.objects(f"jobs/{job_id}")]


def furnish(database: Database, storage: LocalStorage) -> MediaTable:
    """Makes the project "project-1" with the file "media-1", which is no video, where they are not there."""
    Projects(database).create(Project("project-1", "Match", Output(Size(96, 64))))
    table = MediaTable(database)
    table.add("project-1", "media-1", UploadRequest("clip.mp4", 6, "0" * 16), 10, "upload")
    table.complete("project-1", "media-1", MediaInfo("media-1", "clip.mp4", 6, Size(48, 32), 1_000_000))
    storage.put(media_key("project-1", "media-1", "clip.mp4"), [b"source"])
    return table


@contextmanager
def open_bench(tmp_path: Path, url: str = "") -> Iterator[Bench]:
    """A bench in `tmp_path` (or on another empty database), with one project and one medium."""
    database = Database(url or f"sqlite:///{tmp_path / 'test.sqlite'}")
    storage = LocalStorage(tmp_path / "storage", UrlSigner(b"key", "/"))
    table = furnish(database, storage)
    manager, processor = JobManager(database), Scripted()
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    steps = ExportSteps(manager, table, Fleet(database), storage, processor, scratch, threading.Event())
    yield Bench(database, manager, storage, processor, steps)
    database.close()
