"""Jobs without processes: states, events, and steps that break off anywhere."""

import asyncio
import errno
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pycore.protocol import (
    Estimate,
    ExportRequest,
    Job,
    JobState,
    MediaInfo,
    Output,
    Problem,
    Processor,
    ProcessorKind,
    Project,
    Rect,
    ReelError,
    Route,
    Size,
    UploadRequest,
)
from server.db.database import Database
from server.db.fleet import Fleet
from server.db.media import MediaTable
from server.db.projects import Projects
from server.db.tables import jobs
from server.gpu.base import ExportPlan, ExportSpec, FinishedFile, Segment, SegmentStats, Stopped
from server.jobs import watch as watching
from server.jobs import workflows
from server.jobs.exports import Cancelled, ExportSteps, WorkerStopping
from server.jobs.manager import KEPT_PROGRESS_EVENTS, JobManager, delete_jobs
from server.jobs.states import IllegalTransition, check_transition
from server.jobs.watch import JobWatch
from server.storage.keys import media_key
from server.storage.local import LocalStorage
from server.storage.signing import UrlSigner

CPU = Processor(ProcessorKind.CPU, "Test CPU", True)
REQUEST = ExportRequest("media-1", 0, 1_000_000, Rect(0, 0, 48, 32), Size(96, 64))
SEGMENTS = 3


class Killed(BaseException):
    """The process died here."""


@dataclass
class Scripted:
    """A processor whose segments are a few bytes each. `ran` counts finished runs; `during` is called in
    each."""

    ran: Counter[int] = field(default_factory=Counter)
    during: Callable[[int, threading.Event], None] = lambda index, stop: None

    def info(self) -> Processor:
        return CPU

    def plan(self, source: Path, spec: ExportSpec) -> ExportPlan:
        segments = [Segment(index, 10 * index, 10) for index in range(SEGMENTS)]
        size = Size(48, 32)
        return ExportPlan(
            spec, segments, 10 * SEGMENTS, size, spec.crop, size, spec.size, 4, 1_000_000, False
        )

    def run_segment(
        self,
        source: Path,
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
        return SegmentStats(10, 0.5)

    def finish(self, source: Path, plan: ExportPlan, segments: list[Path], target: Path) -> FinishedFile:
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
            stats = [self.steps.segment(job_id, plan, segment.index) for segment in plan.segments]
            self.steps.finish(job_id, plan, stats)
        except Cancelled:
            self.steps.cancelled(job_id)

    def files(self, job_id: str) -> list[str]:
        return [each.key.rpartition("/")[2] for each in self.storage.objects(f"jobs/{job_id}")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    storage = LocalStorage(tmp_path / "storage", UrlSigner(b"key", "/"))
    Projects(database).create(Project("project-1", "Match", Output(Size(96, 64))))
    table = MediaTable(database)
    table.add("project-1", "media-1", UploadRequest("clip.mp4", 6, "0" * 16), 10, "upload")
    table.complete("project-1", "media-1", MediaInfo("media-1", "clip.mp4", 6, Size(48, 32), 1_000_000))
    storage.put(media_key("project-1", "media-1", "clip.mp4"), [b"source"])
    manager, processor = JobManager(database), Scripted()
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    steps = ExportSteps(manager, table, Fleet(database), storage, processor, scratch, threading.Event())
    yield Bench(database, manager, storage, processor, steps)
    database.close()


# States

LEGAL = {
    (JobState.QUEUED, JobState.RUNNING),
    (JobState.QUEUED, JobState.CANCELLED),
    (JobState.QUEUED, JobState.FAILED),
    (JobState.RUNNING, JobState.SUCCEEDED),
    (JobState.RUNNING, JobState.CANCELLED),
    (JobState.RUNNING, JobState.FAILED),
}


@pytest.mark.parametrize(("before", "after"), list(product(JobState, JobState)))
def test_the_ways_between_states(before: JobState, after: JobState) -> None:
    if (before, after) in LEGAL:
        check_transition(before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"A {before.value} job cannot become {after.value}"):
            check_transition(before, after)


def test_a_final_job_stays_as_it_is(bench: Bench) -> None:
    job = bench.job()
    bench.run(job.id)
    done = bench.manager.get(job.id)
    assert done.state is JobState.SUCCEEDED
    assert bench.manager.cancel(job.id) == done
    assert not bench.manager.start(job.id, CPU)
    bench.manager.progress(job.id, 0.5, "late", None, 1.0)
    assert done.result is not None
    bench.manager.succeed(job.id, done.result)
    assert bench.manager.get(job.id) == done
    with pytest.raises(IllegalTransition):
        bench.manager.fail(job.id, Problem("x", "X"))
    with pytest.raises(IllegalTransition):
        bench.manager.cancelled(job.id)
    assert bench.manager.get(job.id) == done
    assert not bench.manager.start("nothing", CPU)


# Events


def test_events_tell_every_change(bench: Bench) -> None:
    job = bench.job()
    bench.run(job.id)
    events = bench.manager.events(job.id, 0)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[0].job == job
    assert events[-1].job == bench.manager.get(job.id)
    assert bench.manager.events(job.id) == events[-1:]
    assert bench.manager.events(job.id, 2) == events[2:]
    assert bench.manager.events(job.id, events[-1].sequence) == []


def test_old_progress_is_forgotten_and_changes_of_state_are_not(bench: Bench) -> None:
    job = bench.job()
    bench.manager.start(job.id, CPU)
    for index in range(KEPT_PROGRESS_EVENTS * 2):
        bench.manager.progress(job.id, index / 1000, "on", None, 0.1)
    events = bench.manager.events(job.id, 0)
    assert KEPT_PROGRESS_EVENTS < len(events) < KEPT_PROGRESS_EVENTS + 5
    assert [event.job.state for event in events[:3]] == [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING]
    assert bench.manager.compute_seconds(job.id) == pytest.approx(KEPT_PROGRESS_EVENTS * 0.2)


def test_watchers_share_one_look_at_the_database(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)
    job = bench.job()
    first_looks, polls, at_once = [0], [0], [0]
    all_watch, lock = threading.Event(), threading.Lock()
    ask = bench.manager.events

    def counted(job_id: str, after: int | None = None) -> Any:
        if after is not None:
            with lock:
                polls[0] += 1
                at_once[0] = max(at_once[0], polls[0])
        found = ask(job_id, after)
        with lock:
            if after is not None:
                polls[0] -= 1
            else:
                first_looks[0] += 1
            if first_looks[0] == 20:
                all_watch.set()
        return found

    monkeypatch.setattr(bench.manager, "events", counted)

    async def follow(watch: JobWatch) -> list[int]:
        return [event.sequence async for event in watch.follow(job.id)]

    async def all_of_them() -> list[list[int]]:
        watch = JobWatch(bench.manager)
        tasks = [asyncio.create_task(follow(watch)) for _ in range(20)]
        assert await asyncio.to_thread(all_watch.wait, 60)
        await asyncio.to_thread(bench.run, job.id)
        found = await asyncio.gather(*tasks)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:  # nobody watches: nobody goes on looking
            await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), 60)
        return found

    found = asyncio.run(all_of_them())
    last = bench.manager.get(job.id).sequence
    assert found == [list(range(1, last + 1))] * 20
    assert at_once == [1]


def test_a_watcher_is_told_when_the_job_is_deleted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)
    job = bench.job()

    async def follow() -> None:
        async for event in JobWatch(bench.manager).follow(job.id, 0):
            assert event.job.state is JobState.QUEUED
            with bench.database.write() as transaction:
                delete_jobs(transaction, jobs.c.id == job.id)

    with pytest.raises(ReelError) as caught:
        asyncio.run(follow())
    assert caught.value.problem.code == "job.not-found"


# Steps


def test_killed_at_every_write_it_ends_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dies once at each of the writes that an export makes, before and after it, and goes on."""
    undisturbed = bench.job()
    bench.run(undisturbed.id)
    expected = b"".join(bench.storage.get(f"jobs/{undisturbed.id}/result.mp4"))
    writes = ("put", "put_file", "delete_folder")
    deaths = 0
    for name, after in product(writes, (False, True)):
        for nth in range(10):
            job = bench.job()
            bench.processor.ran.clear()
            with monkeypatch.context() as patch:
                armed = _dying(patch, bench.storage, name, nth, after)
                try:
                    bench.run(job.id)
                except Killed:
                    deaths += 1
                if armed():
                    break  # it makes no so many writes
            before = bench.processor.ran.copy()
            stored = {
                int(key[:5]) for key in bench.files(job.id) if key[:5].isdecimal() and key.endswith(".mp4")
            }
            bench.run(job.id)
            assert bench.manager.get(job.id).state is JobState.SUCCEEDED
            assert b"".join(bench.storage.get(f"jobs/{job.id}/result.mp4")) == expected
            assert bench.files(job.id) == ["result.json", "result.mp4"]
            again = {index for index, runs in bench.processor.ran.items() if runs > before[index] > 0}
            assert not again & stored, "a finished segment was made again"
    assert deaths == 2 * (SEGMENTS + 1) * 2 + 2


def _dying(
    patch: pytest.MonkeyPatch, storage: LocalStorage, name: str, nth: int, after: bool
) -> Callable[[], bool]:
    """Lets the nth call of a method of the storage be the process's last; tells whether that is still to
    come."""
    real, left = getattr(storage, name), [nth]

    def call(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == -1 and not after:
            raise Killed
        result = real(*arguments)
        if left[0] == -1:
            raise Killed
        return result

    patch.setattr(storage, name, call)
    return lambda: left[0] >= 0


def test_cancelling_in_mid_segment(bench: Bench) -> None:
    job = bench.job()

    def during(index: int, stop: threading.Event) -> None:
        if index == 1:
            bench.manager.cancel(job.id)
            assert stop.wait(30)
            raise Stopped

    bench.processor.during = during
    bench.run(job.id)
    done = bench.manager.get(job.id)
    assert (done.state, done.message, done.seconds_left) == (JobState.CANCELLED, "Cancelled", None)
    assert bench.files(job.id) == []
    assert bench.processor.ran == {0: 1}


def test_a_worker_that_ends_leaves_the_job_running(bench: Bench) -> None:
    job = bench.job()

    def during(index: int, stop: threading.Event) -> None:
        if index == 1:
            bench.steps.stopping.set()
            assert stop.wait(30)
            raise Stopped

    bench.processor.during = during
    with pytest.raises(WorkerStopping):
        bench.run(job.id)
    assert bench.manager.get(job.id).state is JobState.RUNNING
    assert bench.files(job.id) == ["00000.json", "00000.mp4"]


def test_a_cancelled_job_that_waits_is_never_begun(bench: Bench) -> None:
    job = bench.job()
    bench.manager.cancel(job.id)
    bench.run(job.id)
    assert bench.processor.ran == {}
    assert bench.manager.get(job.id).state is JobState.CANCELLED


def test_progress_comes_in_order_and_with_the_time_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.reporter.REPORT_SECONDS", 0.0)
    job = bench.job()
    bench.run(job.id)
    running = [event.job for event in bench.manager.events(job.id, 0) if event.job.state is JobState.RUNNING]
    told = [each for each in running if each.message.startswith("Segment")]
    assert [each.progress for each in told] == sorted(each.progress for each in told)
    assert told[0].progress == pytest.approx(0.98 / 3)
    assert all(each.seconds_left is not None for each in told)
    assert {each.message for each in told} == {f"Segment {number} of 3" for number in (1, 2, 3)}


# What a step comes to


def test_a_step_that_breaks_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) < workflows.ATTEMPTS:
            raise RuntimeError("for now")
        return "done"

    assert workflows.attempt("job x: planning", _set_event(), work) == {"value": "done"}
    assert len(tries) == workflows.ATTEMPTS
    assert "RuntimeError: for now" in caplog.text


@pytest.mark.parametrize(
    ("error", "code", "tries"),
    [
        (RuntimeError("broken"), "job.internal", workflows.ATTEMPTS),
        (OSError(errno.ENOSPC, "No space left on device"), "storage.full", 1),
        (ReelError.of("media.damaged", "Damaged"), "media.damaged", 1),
    ],
)
def test_what_a_step_that_stays_broken_says(error: Exception, code: str, tries: int) -> None:
    seen = []

    def work() -> str:
        seen.append(1)
        raise error

    outcome = workflows.attempt("job x: segment 3", _set_event(), work)
    assert f'"code":"{code}"' in outcome["problem"]
    assert len(seen) == tries


def test_a_worker_that_ends_is_no_outcome() -> None:
    def work() -> str:
        raise WorkerStopping

    with pytest.raises(WorkerStopping):
        workflows.attempt("job x: segment 3", _set_event(), work)


def _set_event() -> threading.Event:
    """Ends every pause between attempts at once."""
    event = threading.Event()
    event.set()
    return event
