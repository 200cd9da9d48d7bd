"""Tasks through the unmodified handler in the real worker loop, with files in a real bucket."""

import hashlib
import io
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import pytest

from pycore.protocol import (
    ExportClip,
    ExportRequest,
    Processor,
    ProcessorKind,
    Rect,
    Size,
    Tracking,
    encode,
)
from server.config.s3 import S3Settings
from server.db.documents import load
from server.gpu.detector_input import net_pixels
from server.gpu.local_tracker import LocalTracker
from server.gpu.tasks import InputFile, Slot, Task, TaskKind, problem_of
from server.gpu.tracking import Seen
from server.storage.cache import FileCache
from server.storage.s3 import S3Storage
from server.tests import clips
from server.tests.processes import await_
from server.tests.runpod_plane import Plane, PlaneJob, running_plane
from server.tests.runpod_worker import WorkerProcess, running_worker

CLIP_SEGMENTS = 5
REQUEST = ExportRequest([ExportClip("match", 0, 5_000_000, Rect(0.0, 0.0, 48.0, 32.0))], Size(96, 64))


@dataclass
class Desk:
    """A plane with a worker on it, and a folder of the bucket for one test."""

    plane: Plane
    worker: WorkerProcess
    storage: S3Storage
    folder: str

    def key(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def slot(self, name: str) -> Slot:
        until = int(time.time()) + 3600
        put = self.storage.url_to_put(self.key(name), until, once=True)
        return Slot(put, self.storage.url_to_get(self.key(name), "file", until))

    def url(self, name: str) -> str:
        """Where a result may be PUT."""
        return self.storage.url_to_put(self.key(name), int(time.time()) + 3600)

    def task(self, **changes: Any) -> Task:
        """An export of the whole clip in five segments."""
        until = int(time.time()) + 3600
        whole = Task(
            TaskKind.EXPORT,
            params=encode(REQUEST),
            inputs=[InputFile("match", self.storage.url_to_get(self.key("clip.mp4"), "clip", until))],
            output_url=self.storage.url_to_put(self.key("result.mp4"), until),
            facts_url=self.storage.url_to_put(self.key("facts.json"), until),
            segments=[self.slot(f"segments/{number}.mp4") for number in range(CLIP_SEGMENTS)],
            claim=self.slot("claim"),
        )
        return replace(whole, **changes)

    def submit(self, task: Any) -> PlaneJob:
        return self.plane.submit({"input": encode(task)})

    def await_end(self, job: PlaneJob) -> PlaneJob:
        return await_("the job's end", lambda: job if job.status in FINAL else None, self.worker.alive)

    def run(self, task: Any) -> PlaneJob:
        return self.await_end(self.submit(task))

    def names(self) -> set[str]:
        return {each.key.removeprefix(f"{self.folder}/") for each in self.storage.objects(self.folder)}

    def read(self, name: str) -> bytes:
        return b"".join(self.storage.get(self.key(name)))


FINAL = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")


@pytest.fixture(scope="module")
def setting(
    seaweed: S3Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Plane, WorkerProcess, S3Storage]]:
    folder = tmp_path_factory.mktemp("runpod")
    storage = S3Storage(seaweed, FileCache(folder / "cache", 1 << 30))
    with running_plane() as plane, running_worker(plane, "worker-1", folder, seaweed) as worker:
        yield plane, worker, storage


@pytest.fixture
def desk(setting: tuple[Plane, WorkerProcess, S3Storage], clip: Path) -> Desk:
    plane, worker, storage = setting
    found = Desk(plane, worker, storage, f"test-{secrets.token_hex(6)}")
    storage.put_file(found.key("clip.mp4"), clip)
    return found


def error_of(job: PlaneJob) -> tuple[str, str]:
    assert job.status == "FAILED", job.public()
    problem = problem_of(job.error)
    assert problem is not None, job.error
    return problem.code, problem.detail


def test_an_export(desk: Desk) -> None:
    job = desk.run(desk.task())
    assert job.status == "COMPLETED", job.error
    content = desk.read("result.mp4")
    facts = job.output["metadata"]
    assert (facts["bytes"], facts["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (facts["frames"], facts["segments"], facts["made"]) == (150, 5, 5)
    assert facts["work_pixels"] == 150 * 48 * 32 * 16
    assert facts["seconds"] >= facts["segment_seconds"] > 0
    assert json.loads(desk.read("facts.json")) == facts
    assert job.output["output_url"].endswith("/result.mp4")
    assert "X-Amz" not in json.dumps(job.output)
    assert desk.read("claim").decode() == job.id
    assert {f"segments/{number}.mp4" for number in range(5)} <= desk.names()
    with av.open(io.BytesIO(content)) as video:
        assert (video.streams.video[0].width, video.streams.video[0].height) == (96, 64)
        assert len(video.streams.audio) == 1
    numbers = [update["sequence"] for update in job.progress]
    assert numbers == sorted(numbers)
    assert "X-Amz" not in desk.worker.said(), "URLs are keys and belong into no log"


def test_it_goes_on_behind_the_last_stored_segment(desk: Desk) -> None:
    whole = desk.run(desk.task())
    before = desk.read("result.mp4")
    for name in ("segments/3.mp4", "segments/4.mp4", "claim", "result.mp4"):
        desk.storage.delete(desk.key(name))
    job = desk.run(desk.task())
    assert job.output["metadata"]["made"] == 2
    assert desk.read("result.mp4") == before
    assert whole.output["metadata"]["made"] == 5


def test_the_same_job_again_still_has_its_claim(desk: Desk) -> None:
    job = desk.submit(desk.task())
    desk.await_end(job)
    job.status = "IN_QUEUE"  # RunPod runs it again, as after a worker's death
    desk.plane._queue.append(job.id)
    desk.await_end(job)
    assert job.output["metadata"]["made"] == 0


def test_one_job_too_many_ends_at_once(desk: Desk) -> None:
    first = desk.run(desk.task())
    second = desk.run(desk.task())
    assert (second.status, second.output["duplicate_of"]) == ("COMPLETED", first.id)
    assert second.output["metadata"] is None


def test_a_job_that_was_called_off_is_never_begun(desk: Desk) -> None:
    desk.storage.put(desk.key("claim"), [b""])
    job = desk.run(desk.task())
    assert (job.status, job.output["duplicate_of"]) == ("COMPLETED", "")
    assert desk.names() == {"clip.mp4", "claim"}


def test_cancelling_is_honoured_within_a_segment_and_the_next_job_runs(desk: Desk, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "large.mp4", clips.numbered(60, 320, 192))  # minutes of work for this CPU
    desk.storage.put_file(desk.key("large.mp4"), source)
    url = desk.storage.url_to_get(desk.key("large.mp4"), "clip", int(time.time()) + 3600)
    long = Task(TaskKind.UPSCALE, {"scale": 4}, url, output_url=desk.task().output_url)
    job = desk.submit(long)
    await_("progress", lambda: len(job.progress) > 1, desk.worker.alive)
    desk.plane.cancel(job)
    after = desk.run(desk.task())
    assert (job.status, after.status) == ("CANCELLED", "COMPLETED")
    assert job.progress[-1]["progress"] < 0.5
    desk.worker.await_line("Job stopped.")


def test_upscale(desk: Desk) -> None:
    url = desk.task().inputs[0].url
    params = {"scale": 2, "crop": {"x": 0, "y": 0, "width": 24, "height": 16}, "out_us": 500_000}
    job = desk.run(Task(TaskKind.UPSCALE, params, url, output_url=desk.task().output_url))
    assert job.status == "COMPLETED", job.error
    with av.open(io.BytesIO(desk.read("result.mp4"))) as video:
        assert (video.streams.video[0].width, video.streams.video[0].height) == (48, 32)
    assert job.output["metadata"]["frames"] == 15


def test_track(desk: Desk, clip: Path) -> None:
    """The document is the one that the same tracker makes on this machine, and a second worker goes on behind
    what the first has stored."""
    tracker = LocalTracker(Processor(ProcessorKind.CPU, "CPU", True))
    plan = tracker.plan(clip, 0, 2_000_000)
    slots = [desk.slot(f"segments/{each.index}.npz") for each in plan.segments]
    whole = desk.task(
        task=TaskKind.TRACK,
        params={"out_us": 2_000_000},
        segments=slots,
        output_url=desk.url("tracking.json"),
    )
    job = desk.run(whole)
    assert job.status == "COMPLETED", job.error
    content, facts = desk.read("tracking.json"), job.output["metadata"]
    assert (facts["bytes"], facts["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (facts["frames"], facts["segments"], facts["made"]) == (60, len(slots), len(slots))
    assert facts["work_pixels"] == pytest.approx(60 * net_pixels(plan.size, ProcessorKind.CPU))
    assert json.loads(desk.read("facts.json")) == facts
    found = load(Tracking, content.decode())
    seen = [Seen.from_bytes(desk.read(f"segments/{number}.npz")) for number in range(len(slots))]
    assert replace(tracker.link(clip, plan, seen), made_by=found.made_by) == found
    assert len(found.times_us) == 60
    for name in (f"segments/{len(slots) - 1}.npz", "claim", "tracking.json"):
        desk.storage.delete(desk.key(name))
    assert desk.run(whole).output["metadata"]["made"] == 1
    assert desk.read("tracking.json") == content


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"task": "dance"}, "task.unknown", "dance"),
        ({"extra": 1}, "task.invalid", "input.extra"),
        ({"params": {}}, "task.invalid", "input.params.clips"),
        ({"inputs": []}, "task.invalid", "input_url"),
        ({"task": "track"}, "task.invalid", "input.params.clips"),
        ({"task": "track", "params": {"in_us": 9_000_000}}, "tracking.empty-range", "from 9.000 s on"),
        ({"segments": []}, None, ""),
        ({"inputs": [{"id": "other", "url": "https://example.com/"}]}, "net.", "example.com"),
        ({"inputs": [{"id": "m", "url": "http://169.254.169.254/latest"}]}, "net.address", "only https"),
        ({"inputs": [{"id": "m", "url": "file:///etc/passwd"}]}, "net.address", "only https"),
    ],
)  # fmt: skip
def test_a_bad_task_says_what_is_wrong(desk: Desk, change: Any, code: str | None, where: str) -> None:
    job = desk.run({**encode(desk.task()), **change})
    if code is None:  # without slots it works too, from the beginning
        assert job.status == "COMPLETED", job.error
        return
    found, detail = error_of(job)
    assert found.startswith(code), (found, detail)
    assert where in detail


def test_a_plan_that_differs_is_refused(desk: Desk) -> None:
    job = desk.run(replace(desk.task(), segments=[desk.slot("a.mp4")]))
    assert error_of(job) == ("task.invalid", "input.segments: the plan has 5, and 1 are given.")


def test_no_video_is_the_jobs_own_fault(desk: Desk) -> None:
    desk.storage.put(desk.key("clip.mp4"), [b"no video"])
    code, _ = error_of(desk.run(desk.task()))
    assert code.startswith("media.")
    assert "claim" in desk.names()


def test_a_worker_that_dies_is_followed_by_another_that_goes_on(
    desk: Desk, seaweed: S3Settings, tmp_path: Path
) -> None:
    with running_plane() as plane:
        desk = replace(desk, plane=plane)
        with running_worker(plane, "mortal", tmp_path, seaweed) as worker:
            job = desk.submit(desk.task())
            await_("a stored segment", lambda: "segments/0.mp4" in desk.names(), worker.alive)
            worker.kill()
        assert job.status == "IN_PROGRESS"
        plane.lose_worker("mortal")
        with running_worker(plane, "heir", tmp_path, seaweed) as worker:
            desk = replace(desk, worker=worker)
            desk.await_end(job)
    assert (job.status, job.taken_by) == ("COMPLETED", ["mortal", "heir"])
    assert job.output["metadata"]["made"] < CLIP_SEGMENTS
    assert job.output["metadata"]["sha256"] == hashlib.sha256(desk.read("result.mp4")).hexdigest()


def test_a_worker_that_was_wrongly_given_up_does_no_harm(desk: Desk) -> None:
    """Two workers at the same job: each segment is stored by the first, and the result is whole."""
    job = desk.submit(desk.task())
    await_("a stored segment", lambda: "segments/0.mp4" in desk.names(), desk.worker.alive)
    for number in range(1, CLIP_SEGMENTS):
        if f"segments/{number}.mp4" not in desk.names():
            desk.storage.put_once(desk.key(f"segments/{number}.mp4"), [desk.read("segments/0.mp4")])
    desk.await_end(job)
    assert job.status == "COMPLETED", job.error
    content = desk.read("result.mp4")
    assert job.output["metadata"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_worker_whose_weights_are_not_as_pinned_takes_no_job(
    desk: Desk, seaweed: S3Settings, tmp_path: Path
) -> None:
    (tmp_path / "weights").mkdir()
    with running_worker(
        desk.plane, "broken", tmp_path, seaweed, REELBALLERS_WEIGHTS=str(tmp_path / "weights")
    ) as worker:
        assert worker.wait() == 1
    assert "check_weights" in worker.said()
    assert not any("broken" in job.taken_by for job in desk.plane.jobs.values())
