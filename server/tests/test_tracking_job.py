"""Tracking jobs: steps that break off anywhere, are cancelled, or find nothing to look at."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from pycore.protocol import (
    Estimate,
    Job,
    JobKind,
    JobState,
    ReelError,
    Route,
    Size,
    Tracking,
    TrackingRequest,
)
from pycore.tracking.appearance import BINS
from pycore.tracking.cuts import COLUMNS, ROWS
from server.db.documents import load
from server.gpu.base import Stopped
from server.gpu.tracking import Seen, Stretch, TrackingPlan
from server.jobs.steps import Cancelled, WorkerStopping
from server.jobs.tracking import TrackingSteps
from server.storage.keys import tracking_key
from server.tests.job_bench import CPU, Bench, Killed
from server.tests.test_job_steps import dying

SEGMENTS, FRAMES = 3, 4
REQUEST = TrackingRequest("media-1")


def seen(players: int) -> Seen:
    """Players who stand still, in FRAMES frames."""
    boxes = np.array([[30.0 * (1 + number), 20, 12, 30] for number in range(players)] * FRAMES)
    return Seen(
        counts=np.full(FRAMES, players),
        ball_counts=np.ones(FRAMES, np.int64),
        boxes=boxes.reshape(-1, 4),
        scores=np.full(len(boxes), 0.9),
        kits=np.full((len(boxes), BINS), 1 / BINS),
        ball_boxes=np.full((FRAMES, 4), 9.0),
        ball_scores=np.full(FRAMES, 0.6),
        glimpses=np.zeros((FRAMES, ROWS, COLUMNS, 3)),
    )


@dataclass
class ScriptedTracker:
    """Sees two players in each segment. `ran` counts finished looks; `during` is called in each."""

    ran: Counter[int] = field(default_factory=Counter)
    during: Callable[[int, threading.Event], None] = lambda index, stop: None

    def plan(self, source: Path, in_us: int, out_us: int | None) -> TrackingPlan:
        stretches = [Stretch(index, FRAMES * index, FRAMES) for index in range(SEGMENTS)]
        return TrackingPlan(stretches, FRAMES * SEGMENTS, Size(320, 180))

    def look(
        self,
        source: Path,
        plan: TrackingPlan,
        index: int,
        progress: Callable[[float], None],
        stop: threading.Event,
    ) -> Seen:
        self.during(index, stop)
        progress(1.0)
        self.ran[index] += 1
        return seen(2)

    def link(self, source: Path, plan: TrackingPlan, seen: Sequence[Seen]) -> Tracking:
        assert [len(each.counts) for each in seen] == [FRAMES] * SEGMENTS
        return Tracking(plan.size, list(range(plan.frames)))


@dataclass
class TrackingBench:
    bench: Bench
    tracker: ScriptedTracker
    steps: TrackingSteps

    def job(self) -> Job:
        estimate = Estimate(Route.LOCAL, CPU, 4.0, 0.0, True, "test")
        return self.bench.manager.create("project-1", REQUEST, name="players", estimate=estimate, reason="")[
            0
        ]

    def run(self, job_id: str) -> None:
        """The workflow's way, without its durability."""
        if not self.steps.begin(job_id):
            return
        try:
            plan = self.steps.plan(job_id)
            for segment in plan.segments:
                self.steps.segment(job_id, plan, segment.index)
            self.steps.finish(job_id, plan)
        except Cancelled:
            self.steps.cancelled(job_id)

    def document(self, job_id: str) -> Tracking:
        return load(Tracking, b"".join(self.bench.storage.get(tracking_key(job_id))).decode())


@pytest.fixture
def tracking(bench: Bench) -> TrackingBench:
    own, tracker = bench.steps, ScriptedTracker()
    steps = TrackingSteps(
        own.manager, own.media, own.fleet, own.storage, own.processor, own.tmp, own.stopping, own.working,
        tracker=tracker,
    )  # fmt: skip
    return TrackingBench(bench, tracker, steps)


def test_a_job_ends_with_a_document(tracking: TrackingBench) -> None:
    job = tracking.job()
    assert job.kind is JobKind.TRACKING
    tracking.run(job.id)
    done = tracking.bench.manager.get(job.id)
    assert (done.state, done.progress, done.result) == (JobState.SUCCEEDED, 1.0, None)
    assert done.tracked is not None and (done.tracked.frames, done.tracked.players) == (12, 0)
    assert tracking.document(job.id) == Tracking(Size(320, 180), list(range(12)))
    assert tracking.bench.files(job.id) == ["result.json", "tracking.json"]


def test_killed_at_every_write_it_looks_at_no_segment_twice(
    tracking: TrackingBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = 0
    for name, after in product(("put", "delete_folder"), (False, True)):
        for nth in range(10):
            job = tracking.job()
            tracking.tracker.ran.clear()
            with monkeypatch.context() as patch:
                armed = dying(patch, tracking.bench.storage, name, nth, after)
                try:
                    tracking.run(job.id)
                except Killed:
                    deaths += 1
                if armed():
                    break
            stored = {int(key[:5]) for key in tracking.bench.files(job.id) if key.endswith(".npz")}
            before = tracking.tracker.ran.copy()
            tracking.run(job.id)
            assert tracking.bench.manager.get(job.id).state is JobState.SUCCEEDED
            assert tracking.bench.files(job.id) == ["result.json", "tracking.json"]
            again = {index for index, runs in tracking.tracker.ran.items() if runs > before[index]}
            assert not again & stored
    assert deaths == 2 * (SEGMENTS + 2) + 2


def test_cancelling_in_mid_segment_leaves_nothing(tracking: TrackingBench) -> None:
    job = tracking.job()

    def during(index: int, stop: threading.Event) -> None:
        if index == 1:
            tracking.bench.manager.cancel(job.id)
            assert stop.wait(30)
            raise Stopped

    tracking.tracker.during = during
    tracking.run(job.id)
    assert tracking.bench.manager.get(job.id).state is JobState.CANCELLED
    assert tracking.bench.files(job.id) == []


def test_a_worker_that_ends_leaves_what_was_seen(tracking: TrackingBench) -> None:
    job = tracking.job()

    def during(index: int, stop: threading.Event) -> None:
        if index == 1:
            tracking.bench.steps.stopping.set()
            assert stop.wait(30)
            raise Stopped

    tracking.tracker.during = during
    with pytest.raises(WorkerStopping):
        tracking.run(job.id)
    assert tracking.bench.manager.get(job.id).state is JobState.RUNNING
    assert tracking.bench.files(job.id) == ["00000.npz"]


def test_what_was_seen_comes_back_as_it_was() -> None:
    for players in (0, 2):
        given, back = seen(players), Seen.from_bytes(seen(players).to_bytes())
        for name in ("counts", "boxes", "kits", "ball_counts", "ball_boxes", "glimpses"):
            np.testing.assert_allclose(getattr(back, name), getattr(given, name), rtol=1e-6)


def test_what_no_job_wrote_is_no_code() -> None:
    import io

    poisoned = io.BytesIO()
    np.savez(poisoned, counts=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        Seen.from_bytes(poisoned.getvalue())


def test_lists_tell_exports_and_tracking_apart(tracking: TrackingBench) -> None:
    export, players = tracking.bench.job(), tracking.job()
    manager = tracking.bench.manager
    assert [job.id for job in manager.newest("project-1", kind=JobKind.TRACKING)] == [players.id]
    assert [job.id for job in manager.newest("project-1", kind=JobKind.EXPORT)] == [export.id]


def test_one_key_is_for_one_kind_of_request(tracking: TrackingBench) -> None:
    tracking.bench.job(idempotency_key="k")
    with pytest.raises(ReelError, match="another request"):
        tracking.bench.manager.made_before("project-1", REQUEST, "k")
