"""Tracking jobs at RunPod: cost, cancelling, going on elsewhere. What they share with exports is tested there
(test_remote)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pycore.protocol import Job, JobState, Size, TrackingResult, encode
from server.config.runpod import Caps
from server.db.attempts import End
from server.db.documents import dump
from server.gpu.estimates import TRACKING
from server.gpu.tasks import Metadata, Output, TaskKind
from server.gpu.tracking import Stretch, TrackingPlan
from server.jobs.remote import ATTEMPTS, RemoteSteps
from server.jobs.remote_errand import TrackingErrand
from server.jobs.remote_waiting import Fallback
from server.jobs.steps import Cancelled
from server.storage.keys import remote_facts_key, seen_key, tracking_key
from server.tests.processes import await_
from server.tests.remote_bench import (
    ESTIMATE,
    PROCESSOR,
    Following,
    RemoteBench,
    no_waiting,
    open_remote_bench,
)
from server.tests.runpod_plane import Plane, PlaneJob
from server.tests.test_tracking_job import FRAMES, REQUEST, SEGMENTS

DOCUMENT = b"{}"
PLAN = TrackingPlan([Stretch(each, FRAMES * each, FRAMES) for each in range(SEGMENTS)], 12, Size(320, 180))


@dataclass
class TrackingRemote:
    """A RemoteBench whose jobs are tracking jobs."""

    remote: RemoteBench
    steps: RemoteSteps[TrackingPlan, TrackingResult]

    def job(self) -> Job:
        manager = self.remote.bench.manager
        job, _ = manager.create("project-1", REQUEST, name="players", estimate=ESTIMATE, reason="as asked")
        manager.start(job.id, PROCESSOR)
        return job

    def end(self, job: Job) -> End | None:
        return self.remote.attempt(job).end

    def work(self, job: Job, at_work: PlaneJob) -> None:
        """What a worker with the claim does to the storage, and answers."""
        assert self.remote.claim(job, at_work)
        metadata = Metadata(
            TaskKind.TRACK, "NVIDIA L4", len(DOCUMENT), "0" * 64, 12, 0, False,
            10.0, 10.0, 5.0, 1000.0, SEGMENTS, SEGMENTS, players=7, cuts=1,
        )  # fmt: skip
        storage = self.remote.bench.storage
        for number in range(SEGMENTS):
            storage.put_once(seen_key(job.id, number), [b"seen"])
        storage.put(remote_facts_key(job.id), [dump(metadata).encode()])
        storage.put(tracking_key(job.id), [DOCUMENT])
        self.remote.plane.post(at_work.id, {"output": encode(Output("https://bucket/x", metadata))})


@pytest.fixture
def tracking(tmp_path: Path, plane: Plane, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrackingRemote]:
    no_waiting(monkeypatch)
    with open_remote_bench(tmp_path, plane, Caps(user_day_usd=0.05)) as remote:
        of = remote.anew()
        errand = TrackingErrand(remote.bench.manager)
        yield TrackingRemote(
            remote, RemoteSteps(of.jobs, errand, of.attempts, of.client, of.ledger, of.claims)
        )


def taken(tracking: TrackingRemote) -> PlaneJob:
    return await_("a job on the plane", lambda: tracking.remote.plane.take("w1"))


def follow(tracking: TrackingRemote, job: Job) -> Following:
    return Following(tracking.steps, job.id, PLAN)


def test_the_usual_way(tracking: TrackingRemote) -> None:
    job = tracking.job()
    following = follow(tracking, job)
    at_work = taken(tracking)
    assert at_work.input["task"] == "track"
    assert at_work.input["params"] == {"in_us": 0, "out_us": None}
    assert [each["id"] for each in at_work.input["inputs"]] == ["media-1"]
    assert len(at_work.input["segments"]) == SEGMENTS
    tracking.work(job, at_work)
    assert following.end() is None
    tracking.steps.finish(job.id, PLAN)
    bench = tracking.remote.bench
    done = bench.manager.get(job.id)
    assert (done.state, done.result) == (JobState.SUCCEEDED, None)
    assert done.tracked is not None
    assert (done.tracked.players, done.tracked.cuts, done.tracked.device) == (7, 1, "RunPod NVIDIA L4")
    assert done.tracked.estimated_cost_usd == ESTIMATE.cost_usd
    assert done.tracked.actual_cost_usd == pytest.approx(tracking.remote.attempt(job).cost_usd)
    assert done.tracked.actual_cost_usd > 0
    assert bench.steps.fleet.throughput("NVIDIA L4", TRACKING) == 200.0
    assert bench.files(job.id) == ["remote.json", "result.json", "tracking.json"]
    tracking.steps.finish(job.id, PLAN)  # a step that is repeated
    assert bench.manager.get(job.id) == done


def test_cancelling_stops_it_and_leaves_nothing(tracking: TrackingRemote) -> None:
    job = tracking.job()
    following = follow(tracking, job)
    at_work = taken(tracking)
    tracking.remote.claim(job, at_work)
    await_("the id", lambda: tracking.remote.attempt(job).remote_id)
    tracking.remote.bench.manager.cancel(job.id)
    assert isinstance(following.end(), Cancelled)
    tracking.steps.jobs.cancelled(job.id)
    assert (at_work.status, tracking.end(job)) == ("CANCELLED", End.CANCELLED)
    assert tracking.remote.bench.files(job.id) == []


def test_a_failed_worker_is_followed_by_another_and_then_the_job_comes_home(tracking: TrackingRemote) -> None:
    job = tracking.job()
    following = follow(tracking, job)
    seen = []
    for _ in range(ATTEMPTS):
        at_work = taken(tracking)
        seen.append(at_work.input["segments"][0]["put"].partition("?")[0])
        tracking.remote.claim(job, at_work)
        tracking.remote.plane.post(at_work.id, {"error": "CUDA error"})
    assert len(set(seen)) == 1, "the next goes on behind what the last has stored"
    raised = following.end()
    assert isinstance(raised, Fallback)
    assert "CUDA error" in str(raised)
    assert {each.end for each in tracking.remote.attempts.of_job(job.id)} == {End.FAULT}


def test_late_results_are_taken_from_the_bucket(tracking: TrackingRemote) -> None:
    """The worker was done, and RunPod has forgotten the job before anybody asked."""
    job = tracking.job()
    following = follow(tracking, job)
    at_work = taken(tracking)
    await_("the id", lambda: tracking.remote.attempt(job).remote_id)
    tracking.remote.plane.trouble("status", "500", 3)
    tracking.work(job, at_work)
    tracking.remote.plane.expire(at_work.id)
    assert following.end() is None
    assert tracking.end(job) is End.SUCCEEDED
