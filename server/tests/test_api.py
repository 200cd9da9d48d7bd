"""The API's resources, without a worker."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pycore.protocol import Processor, ProcessorKind
from server.config import Config
from server.db.database import Database
from server.db.fleet import Fleet
from server.tests import clips
from server.tests.asgi import SyncClient
from server.tests.processes import export_request

PROJECT = {"id": "project-1", "name": "Match", "output": {"size": {"width": 64, "height": 64}}}


def call(client: SyncClient, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    options = {} if body is None else {"json": body}
    answer = client.request(method, f"/api/v1/{path}", **options)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


@pytest.fixture
def project(client: SyncClient) -> str:
    return call(client, "POST", "projects", PROJECT, 201)["id"]


# Projects


def test_a_project_is_stored(client: SyncClient) -> None:
    stored = call(client, "POST", "projects", PROJECT, 201)
    assert stored == {
        **PROJECT,
        "output": {**PROJECT["output"], "model": "quick"},
        "clips": [],
        "selected": 0,
        "revision": 0,
    }
    assert call(client, "GET", "projects/project-1") == stored
    assert call(client, "GET", "projects") == [stored]
    assert call(client, "POST", "projects", PROJECT, 201) == stored


def test_another_project_does_not_take_its_place(client: SyncClient, project: str) -> None:
    refused = call(client, "POST", "projects", {**PROJECT, "name": "Other"}, 409)
    assert refused["code"] == "project.exists"


def test_a_change_is_made_to_the_newest_revision(client: SyncClient, project: str) -> None:
    changed = {**PROJECT, "name": "Final", "revision": 0}
    assert call(client, "PUT", "projects/project-1", changed)["revision"] == 1
    stale = call(client, "PUT", "projects/project-1", changed, 409)
    assert stale["code"] == "project.stale"
    assert "revision 0" in stale["detail"]
    assert call(client, "PUT", "projects/project-1", {**changed, "revision": 1})["revision"] == 2
    assert call(client, "GET", "projects/project-1")["name"] == "Final"


def test_a_change_names_its_own_project(client: SyncClient, project: str) -> None:
    refused = call(client, "PUT", "projects/project-1", {**PROJECT, "id": "project-2"}, 422)
    assert "body.id" in refused["detail"]
    assert (
        call(client, "PUT", "projects/project-2", {**PROJECT, "id": "project-2"}, 404)["code"]
        == "project.not-found"
    )


@pytest.mark.parametrize(
    "name", ["short", "UPPERCASE", "with space", "../../etc/x", "a" * 65, "projé-12", "", "a/b-cdefg"]
)
def test_a_project_id_is_plain(client: SyncClient, name: str) -> None:
    assert "body.id" in call(client, "POST", "projects", {**PROJECT, "id": name}, 422)["detail"]


# Uploads


def plan_of(client: SyncClient, content: bytes, **changes: Any) -> dict[str, Any]:
    request = {"name": "clip.mp4", "bytes": len(content), "fingerprint": "0123456789abcdef", **changes}
    return call(client, "POST", "projects/project-1/media", request)


def put(client: SyncClient, plan: dict[str, Any], content: bytes, numbers: set[int] | None = None) -> None:
    for part in plan["parts"]:
        if numbers is None or part["number"] in numbers:
            piece = content[part["offset"] : part["offset"] + part["bytes"]]
            assert client.put(part["url"], content=piece).status_code == 204


def complete(client: SyncClient, plan: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return call(client, "POST", f"projects/project-1/media/{plan['media_id']}/completion", status=status)


def test_an_upload_is_taken_up_again(client: SyncClient, project: str, clip: Path) -> None:
    content = clip.read_bytes()
    plan = plan_of(client, content)
    assert plan["part_bytes"] == 10_000
    assert len(plan["parts"]) == -(-len(content) // 10_000) > 3
    assert sum(part["bytes"] for part in plan["parts"]) == len(content)
    assert not any(part["done"] for part in plan["parts"])
    put(client, plan, content, {1, 3})

    missing = complete(client, plan, 409)
    assert missing["code"] == "storage.parts-missing"
    assert "2, 4" in missing["detail"]

    again = plan_of(client, content)
    assert again["media_id"] == plan["media_id"]
    assert {part["number"] for part in again["parts"] if part["done"]} == {1, 3}
    assert all(bool(part["url"]) is not part["done"] for part in again["parts"])
    put(client, again, content, {part["number"] for part in again["parts"] if not part["done"]})

    info = complete(client, plan)
    assert info["id"] == plan["media_id"]
    assert (info["name"], info["bytes"], info["frames"]) == ("clip.mp4", len(content), 150)
    assert info["size"] == {"width": 48, "height": 32}
    assert complete(client, plan) == info
    ready = call(client, "GET", f"projects/project-1/media/{plan['media_id']}")
    assert ready["info"] == info
    assert all(part["done"] for part in ready["parts"])
    assert plan_of(client, content)["info"] == info


def test_other_content_is_another_upload(client: SyncClient, project: str) -> None:
    ids = {
        plan_of(client, b"x" * 10)["media_id"],
        plan_of(client, b"x" * 11)["media_id"],
        plan_of(client, b"x" * 10, fingerprint="f" * 16)["media_id"],
    }
    assert len(ids) == 3


@pytest.mark.parametrize("content", [b"no video at all", b"\0" * 25_000])
def test_no_video_is_refused_and_deleted(
    client: SyncClient, project: str, config: Config, content: bytes
) -> None:
    plan = plan_of(client, content, name="My Match.mp4")
    put(client, plan, content)
    refused = complete(client, plan, 422)
    assert refused["code"].startswith("media.")
    assert "my-match.mp4" in refused["detail"]
    assert refused["title"]
    assert refused["hint"]
    assert (
        call(client, "GET", f"projects/project-1/media/{plan['media_id']}", status=404)["code"]
        == "media.not-found"
    )
    assert [path for path in config.storage.rglob("*") if path.is_file()] == []
    assert plan_of(client, content)["media_id"] != plan["media_id"]


def test_a_truncated_video_is_refused(client: SyncClient, project: str, clip: Path) -> None:
    content = clip.read_bytes()[:-2000]
    plan = plan_of(client, content)
    put(client, plan, content)
    assert complete(client, plan, 422)["code"].startswith("media.")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bytes": 0}, "bytes"),
        ({"bytes": -1}, "bytes"),
        ({"fingerprint": ""}, "fingerprint"),
        ({"fingerprint": "../../../x"}, "fingerprint"),
        ({"name": ""}, "name"),
        ({"name": "n" * 256}, "name"),
    ],
)
def test_an_upload_that_makes_no_sense(
    client: SyncClient, project: str, changes: dict[str, Any], field: str
) -> None:
    request = {"name": "a.mp4", "bytes": 10, "fingerprint": "0123456789abcdef", **changes}
    assert f"body.{field}" in call(client, "POST", "projects/project-1/media", request, 422)["detail"]


def test_an_upload_can_be_too_large(client: SyncClient, project: str, config: Config) -> None:
    request = {"name": "a.mp4", "bytes": config.max_upload_bytes + 1, "fingerprint": "0123456789abcdef"}
    refused = call(client, "POST", "projects/project-1/media", request, 413)
    assert refused["code"] == "media.too-large"
    assert str(config.max_upload_bytes) in refused["detail"]


def test_parts_grow_so_that_a_plan_stays_small(
    client: SyncClient, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = type("Free", (), {"free": 10**13})
    monkeypatch.setattr("shutil.disk_usage", lambda path: free)
    request = {"name": "a.mp4", "bytes": 12 * 1024**3, "fingerprint": "0123456789abcdef"}
    plan = call(client, "POST", "projects/project-1/media", request)
    assert 900 < len(plan["parts"]) <= 1000


def test_a_full_disk_is_told_before_the_upload(
    client: SyncClient, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Free", (), {"free": 100}))
    request = {"name": "a.mp4", "bytes": 51, "fingerprint": "0123456789abcdef"}
    assert call(client, "POST", "projects/project-1/media", request, 507)["code"] == "storage.full"


# Exports


@pytest.fixture
def info(client: SyncClient, project: str, clip: Path, config: Config) -> dict[str, Any]:
    """An uploaded clip, and a worker that says it is there."""
    database = Database(config.database_url)
    Fleet(database).heartbeat("test", Processor(ProcessorKind.CPU, "Test CPU", True))
    database.close()
    content = clip.read_bytes()
    plan = plan_of(client, content)
    put(client, plan, content)
    return complete(client, plan)


def test_an_export_is_queued(client: SyncClient, info: dict[str, Any]) -> None:
    job = call(client, "POST", "projects/project-1/exports", export_request(info), 202)
    assert (job["state"], job["processor"]["name"]) == ("queued", "Test CPU")
    assert job["estimate"]["frames"] == 150
    assert "Test CPU" in job["reason"]
    assert call(client, "GET", "projects/project-1/exports") == [job]
    assert call(client, "GET", f"jobs/{job['id']}") == job
    assert call(client, "GET", "jobs?project_id=project-1") == [job]
    assert call(client, "GET", "jobs?project_id=other") == []
    assert call(client, "GET", f"jobs/{job['id']}/result", status=409)["code"] == "job.no-result"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"crop": {"x": 40, "y": 0, "width": 48, "height": 32}}, 422, "export.crop-outside"),
        ({"crop": {"x": 0, "y": 0, "width": 0, "height": 0}}, 422, "export.crop-outside"),
        ({"size": {"width": 97, "height": 64}}, 422, "export.odd-size"),
        ({"size": {"width": 10**6, "height": 64}}, 422, "export.size-out-of-range"),
        ({"size": {"width": -2, "height": 64}}, 422, "export.size-out-of-range"),
        ({"in_us": 10**9, "out_us": 2 * 10**9}, 422, "export.empty-range"),
        ({"in_us": 1000, "out_us": 1000}, 422, "export.empty-range"),
        ({"model": "other"}, 422, "request.invalid"),
        ({"route": "runpod"}, 409, "route.unavailable"),
        ({"media_id": "nothing"}, 404, "media.not-found"),
        ({"media_id": "../../../etc/passwd"}, 404, "media.not-found"),
    ],
)
def test_an_export_that_makes_no_sense(
    client: SyncClient, info: dict[str, Any], changes: dict[str, Any], status: int, code: str
) -> None:
    refused = call(client, "POST", "projects/project-1/exports", export_request(info, **changes), status)
    assert refused["code"] == code, refused
    assert refused["detail"]
    assert call(client, "GET", "jobs") == []


def test_sound_alone_is_music_and_nothing_else(
    client: SyncClient, info: dict[str, Any], tmp_path: Path
) -> None:
    clips.ffmpeg("-f", "lavfi", "-i", "sine=1000:d=2", str(tmp_path / "song.mp3"))
    content = (tmp_path / "song.mp3").read_bytes()
    plan = plan_of(client, content, name="song.mp3", fingerprint="fedcba9876543210")
    put(client, plan, content)
    song = complete(client, plan)
    assert (song["codec"], song["has_audio"], song["frames"]) == ("mp3", True, 0)
    assert (song["size"], song["duration_us"] // 100_000) == ({"width": 0, "height": 0}, 20)

    request = export_request(info, music={"media_id": song["id"], "volume": 0.5})
    call(client, "POST", "projects/project-1/exports", request, 202)
    refused = call(client, "POST", "projects/project-1/exports", export_request(song), 422)
    assert refused["code"] == "media.unsupported-container"
    assert refused["hint"] == "Choose a video file."
    refused = call(client, "POST", "projects/project-1/tracking", {"media_id": song["id"]}, 422)
    assert refused["code"] == "tracking.no-picture"


def test_an_export_needs_its_media(client: SyncClient, project: str) -> None:
    plan = plan_of(client, b"x" * 100)
    request = export_request({"id": plan["media_id"], "duration_us": 10, "size": {"width": 48, "height": 32}})
    assert call(client, "POST", "projects/project-1/exports", request, 409)["code"] == "media.incomplete"


def test_an_idempotency_key_is_plain(client: SyncClient, info: dict[str, Any]) -> None:
    for key in ("", "k" * 256, "tab\there"):
        answer = client.post(
            "/api/v1/projects/project-1/exports", json=export_request(info), headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["detail"]


def test_deleting_media_and_projects_deletes_their_files(
    client: SyncClient, info: dict[str, Any], config: Config
) -> None:
    def files() -> list[Path]:
        return [path for path in config.storage.rglob("*") if path.is_file()]

    job = call(client, "POST", "projects/project-1/exports", export_request(info), 202)
    media = f"projects/project-1/media/{info['id']}"
    assert call(client, "DELETE", media, status=409)["code"] == "media.busy"
    assert call(client, "DELETE", "projects/project-1", status=409)["code"] == "project.busy"
    assert call(client, "DELETE", f"jobs/{job['id']}", status=409)["code"] == "job.active"
    assert len(files()) == 1
    call(client, "POST", f"jobs/{job['id']}/cancellation")
    call(client, "DELETE", media, status=204)
    assert files() == []
    call(client, "GET", f"jobs/{job['id']}", status=404)

    put(client, plan_of(client, b"x" * 30_000), b"x" * 30_000, {1, 2})
    assert files()
    call(client, "DELETE", "projects/project-1", status=204)
    assert files() == []
    call(client, "GET", "projects/project-1", status=404)


# Estimates and system


ESTIMATE_CLIP = {
    "duration_us": 2_000_000,
    "fps": 0,
    "crop": {"x": 0, "y": 0, "width": 100, "height": 100},
}
ESTIMATE = {"clips": [ESTIMATE_CLIP], "size": {"width": 400, "height": 400}}


def test_estimates_without_a_worker_recommend_nothing(client: SyncClient) -> None:
    (estimate,) = call(client, "POST", "estimates", ESTIMATE)
    assert (estimate["recommended"], estimate["processor"]["available"]) == (False, False)
    assert "reelballers worker" in estimate["processor"]["reason"]
    assert estimate["frames"] == 60


def test_clips_add_up_in_an_estimate(client: SyncClient) -> None:
    both = ESTIMATE | {"clips": [ESTIMATE_CLIP, ESTIMATE_CLIP | {"fps": 50.0}]}
    (estimate,) = call(client, "POST", "estimates", both)
    assert estimate["frames"] == 60 + 100


def test_slow_motion_adds_frames_to_an_estimate(client: SyncClient) -> None:
    slow = {"in_us": 500_000, "out_us": 1_500_000, "factor": 4}
    (plain,) = call(client, "POST", "estimates", ESTIMATE)
    (longer,) = call(client, "POST", "estimates", ESTIMATE | {"clips": [ESTIMATE_CLIP | {"slow": slow}]})
    assert longer["frames"] == 60 + 3 * 30
    assert longer["seconds"] > plain["seconds"]


@pytest.mark.parametrize(
    "changes",
    [
        {"clips": [ESTIMATE_CLIP | {"duration_us": 0}]},
        {"clips": [ESTIMATE_CLIP, ESTIMATE_CLIP | {"fps": -1}]},
        {"clips": [ESTIMATE_CLIP | {"fps": 1e300}]},
        {"clips": [ESTIMATE_CLIP | {"crop": {"x": 0, "y": 0, "width": 1e300, "height": 1}}]},
        {"clips": [ESTIMATE_CLIP | {"crop": {"x": 0, "y": 0, "width": 1, "height": -1}}]},
        {"clips": []},
        {"clips": [ESTIMATE_CLIP] * 201},
        {"model": "other"},
    ],
)
def test_estimates_that_make_no_sense(client: SyncClient, changes: dict[str, Any]) -> None:
    call(client, "POST", "estimates", ESTIMATE | changes, 422)


VIDEO = {"size": {"width": 1920, "height": 1080}, "duration_us": 2_000_000}


def test_what_finding_players_takes_is_told_before_an_upload(client: SyncClient) -> None:
    (estimate,) = call(client, "POST", "estimates/tracking", VIDEO)
    assert (estimate["route"], estimate["frames"], estimate["cost_usd"]) == ("local", 60, 0.0)
    assert estimate["seconds"] > 0


@pytest.mark.parametrize(
    "changes", [{"size": {"width": 0, "height": 9}}, {"duration_us": 0}, {"fps": -1.0}, {"fps": 1e300}]
)
def test_no_video_no_estimate(client: SyncClient, changes: dict[str, Any]) -> None:
    call(client, "POST", "estimates/tracking", VIDEO | changes, 422)


def test_the_system_tells_of_itself(client: SyncClient) -> None:
    assert call(client, "GET", "system/health") == {"status": "ok"}
    assert call(client, "GET", "system/ready") == {"status": "ok"}
    assert call(client, "GET", "system/version")["version"] == "0.1.0"
    info = call(client, "GET", "system/capabilities")
    assert [model["name"] for model in info["models"]] == ["quick", "best", "perceptual"]
    assert [processor["available"] for processor in info["processors"]] == [False]


def test_it_is_not_ready_where_it_cannot_write(client: SyncClient, config: Config) -> None:
    shutil.rmtree(config.storage)
    config.storage.write_text("in the way")
    answer = client.get("/api/v1/system/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "server.not-ready")
    assert answer.json()["detail"] == "The storage takes no files.", "and no path, for anyone may ask"


def test_asking_often_whether_it_is_ready_costs_one_look(client: SyncClient, config: Config) -> None:
    written = config.storage / "objects/system/ready"
    assert client.get("/api/v1/system/ready").status_code == 200
    before = written.stat().st_mtime_ns
    for _ in range(5):
        assert client.get("/api/v1/system/ready").status_code == 200
    assert written.stat().st_mtime_ns == before


def test_json_is_what_it_says(client: SyncClient, project: str) -> None:
    answer = client.get("/api/v1/projects")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(answer.content)
    head = client.request("HEAD", "/api/v1/projects")
    assert (head.status_code, head.content) == (200, b"")
