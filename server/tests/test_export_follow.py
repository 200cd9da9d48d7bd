"""Exports that name a player instead of a crop: what POST projects/{id}/exports makes of a tracking job's
result."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pycore.framing.path import Path as BoxPath
from pycore.framing.planning import plan_path
from pycore.framing.wanted import part, wanted_path
from pycore.protocol import (
    Aspect,
    Estimate,
    ExportClip,
    FollowTrack,
    Framing,
    Processor,
    ProcessorKind,
    Rect,
    ReelError,
    Route,
    Scene,
    Size,
    SplitAt,
    TrackColumns,
    Tracking,
    TrackingRequest,
    TrackingResult,
)
from server.config import Config
from server.db.database import Database
from server.db.documents import dump
from server.db.fleet import Fleet
from server.gpu.following import CONTEXT_US, followed
from server.jobs.manager import JobManager
from server.storage.keys import tracking_key
from server.storage.opening import open_storage
from server.tests import clips
from server.tests.asgi import SyncClient
from server.tests.test_api import PROJECT, call, complete, plan_of, put

CPU = Processor(ProcessorKind.CPU, "Test CPU", True)
PICTURE = Size(320, 192)
FRAMES, FRAME_US = 60, 40_000


def walker(number: int, start: float = 40.0, step: float = 3.0) -> list[float]:
    return [start + step * number, 90.0, 10.0, 24.0]


def found(frames: int = FRAMES) -> Tracking:
    """Player "7" walks to the right, "8" stands."""

    def column(name: str, step: float) -> TrackColumns:
        boxes = [side for number in range(frames) for side in walker(number, step=step)]
        return TrackColumns(name, list(range(frames)), boxes, [0.9] * frames, [0] * frames)

    times = [number * FRAME_US for number in range(frames)]
    return Tracking(PICTURE, times, tracks=[column("7", 3.0), column("8", 0.0)])


def inside(box: list[float], crop: Rect | None) -> bool:
    x, y, width, height = box
    return crop is not None and (
        crop.x <= x
        and crop.y <= y
        and x + width <= crop.x + crop.width
        and y + height <= crop.y + crop.height
    )


class Server:
    """The API, with a clip and two jobs that know its players."""

    def __init__(self, client: SyncClient, config: Config, content: bytes) -> None:
        self.client, self.config = client, config
        call(client, "POST", "projects", PROJECT, 201)
        plan = plan_of(client, content)
        put(client, plan, content)
        self.info = complete(client, plan)
        self.database = Database(config.database_url)
        Fleet(self.database).heartbeat("test", CPU)

    def tracked(self, document: Tracking | None, media_id: str = "") -> str:
        """Id of a tracking job; None: it is not done."""
        manager = JobManager(self.database)
        request = TrackingRequest(media_id or self.info["id"])
        estimate = Estimate(Route.LOCAL, CPU, 1.0, 0.0, True, "test")
        job, _ = manager.create(PROJECT["id"], request, name="players", estimate=estimate, reason="")
        if document is not None:
            manager.start(job.id, CPU)
            open_storage(self.config).put(tracking_key(job.id), [dump(document).encode()])
            manager.succeed_tracking(job.id, TrackingResult(1, 1.0, FRAMES, 60.0, "Test CPU", 2, 0))
        return job.id

    def clip(self, follow: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return {"media_id": self.info["id"], "in_us": 0, "out_us": 2_000_000, "follow": follow, **changes}

    def export(self, clip: dict[str, Any], status: int = 202, **options: Any) -> Any:
        body = {"clips": [clip], "size": {"width": 180, "height": 320}}
        answer = self.client.post(f"/api/v1/projects/{PROJECT['id']}/exports", json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def asked(self, job_id: str) -> ExportClip:
        """What the worker gets to do."""
        return JobManager(self.database).request(job_id).clips[0]


@pytest.fixture
def server(client: SyncClient, config: Config, tmp_path: Path) -> Any:
    source = clips.make(tmp_path / "walk.mp4", clips.numbered(FRAMES, PICTURE.width, PICTURE.height))
    server = Server(client, config, source.read_bytes())
    yield server
    server.database.close()


def test_a_track_an_aspect_and_a_spotlight_are_enough(server: Server) -> None:
    job_id = server.tracked(found())
    clip = server.clip(
        {"job_id": job_id, "track_id": "7", "aspect": "9:16"}, spotlight={"style": "ring", "label": "Ana"}
    )
    job = server.export(clip)
    asked = server.asked(job["id"])
    path, subject = BoxPath(asked.path), BoxPath(asked.subject)
    for number in range(50):
        crop = path.at(number * FRAME_US)
        assert crop is not None and crop.width / crop.height == pytest.approx(9 / 16)
        assert inside(walker(number), crop)
        box = subject.at(number * FRAME_US)
        assert box is not None and [box.x, box.y] == pytest.approx(walker(number)[:2], abs=0.05)
    assert path.moves
    assert (asked.spotlight.style, asked.spotlight.label) == ("ring", "Ana")
    # What it takes is estimated from the window that moves, not from the whole picture.
    assert job["estimate"]["frames"] == 50


def test_the_same_key_makes_no_second_job(server: Server) -> None:
    clip = server.clip({"job_id": server.tracked(found()), "track_id": "7"})
    key: dict[str, Any] = {"headers": {"Idempotency-Key": "once"}}
    first = server.export(clip, **key)
    assert server.export(clip, 200, **key)["id"] == first["id"]
    other = {**clip, "follow": {**clip["follow"], "track_id": "8"}}
    assert server.export(other, 422, **key)["code"] == "job.idempotency-key"


def test_what_cannot_be_followed_is_refused_with_words(server: Server) -> None:
    done, running = server.tracked(found()), server.tracked(None)
    follow = {"job_id": done, "track_id": "7"}
    crop = {"x": 0, "y": 0, "width": 90, "height": 160}
    outside = [{"time_us": 0, "crop": {**crop, "x": 300}}]
    export_job = server.export(server.clip(follow))["id"]
    for clip, status, code in (
        (server.clip({**follow, "track_id": "9"}), 422, "export.follow"),
        (server.clip({**follow, "job_id": "f" * 24}), 404, "job.not-found"),
        (server.clip({**follow, "job_id": running}), 409, "job.no-result"),
        (server.clip({**follow, "job_id": export_job}), 422, "export.follow"),
        (server.clip({**follow, "framing": {"player_share": 0.0}}), 422, "export.follow"),
        (server.clip({**follow, "keyframes": outside}), 422, "export.follow"),
        (server.clip(follow, path=[{"time_us": 0, "rect": crop}]), 422, "export.follow"),
        (server.clip({**follow, "aspect": "3:1"}), 422, "request.invalid"),
        ({**server.clip({}), "follow": None}, 422, "export.crop-outside"),
    ):  # fmt: skip
        refused = server.export(clip, status)
        assert refused["code"] == code, refused
        assert refused["detail"]


def test_a_job_about_another_video_is_refused(server: Server) -> None:
    content = b"x" * 100
    other = plan_of(server.client, content, fingerprint="f" * 16)["media_id"]
    follow = {"job_id": server.tracked(found(), other), "track_id": "7"}
    refused = server.export(server.clip(follow), 422)
    assert refused["code"] == "export.follow"
    assert "another video" in refused["detail"]


CLIP = ExportClip("m", 0, FRAMES * FRAME_US)


def test_the_path_is_the_pages() -> None:
    """The same crop, framing and corrections give the very path that the page shows."""
    rest, framing = Rect(100, 10, 90, 160), Framing(player_share=0.4)
    tracking = found()
    scene = Scene(PICTURE, 9 / 16, rest)
    page = plan_path(wanted_path("k", tracking, tracking.tracks[0], scene, framing, []))
    server = followed(replace(CLIP, crop=rest), FollowTrack("j", "7", framing=framing), tracking, 9 / 16)
    assert (server.path, server.subject) == (page.crop, page.subject)


def test_a_part_of_a_long_video_has_the_path_of_the_whole() -> None:
    """Corrections count wherever they were made: also long before the part."""
    frames = 1500
    long = found(frames)
    boxes = [side for n in range(frames) for side in (60 + 40 * ((n // 25) % 2) + n % 25, 90.0, 10.0, 24.0)]
    long = replace(long, tracks=[replace(long.tracks[0], boxes=boxes)])
    follow = FollowTrack("j", "9", track_edits=[SplitAt("7", 2_000_000, "9")])
    whole = followed(replace(CLIP, out_us=frames * FRAME_US), follow, long, 9 / 16)
    some = followed(replace(CLIP, in_us=30_000_000, out_us=32_000_000), follow, long, 9 / 16)
    assert part(long, 30_000_000 - CONTEXT_US, 32_000_000 + CONTEXT_US).times_us[0] == 20_000_000
    for time_us in range(30_000_000, 32_000_000, FRAME_US):
        one, other = BoxPath(whole.path).at(time_us), BoxPath(some.path).at(time_us)
        assert one is not None and other is not None
        assert [one.x, one.y, one.width] == pytest.approx([other.x, other.y, other.width], abs=0.2)


def test_a_free_crop_has_the_results_shape() -> None:
    follow = FollowTrack("j", "7", Aspect.FREE)
    made = followed(CLIP, follow, found(), 2.0)
    assert all(point.rect.width / point.rect.height == pytest.approx(2.0) for point in made.path)


def test_a_part_that_nobody_looked_at() -> None:
    far = replace(CLIP, in_us=60_000_000, out_us=61_000_000)
    with pytest.raises(ReelError, match="did not look"):
        followed(far, FollowTrack("j", "7"), found(), 9 / 16)
