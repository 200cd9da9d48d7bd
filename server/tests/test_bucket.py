"""The server on a bucket: uploads and downloads go past it, what is deleted is gone, and the bucket's rules
can be put in place and checked."""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.api.main import create_app
from server.config import Config
from server.config.s3 import S3Settings
from server.doctor import left_behind
from server.storage.cache import FileCache
from server.storage.s3 import S3Storage, client
from server.tests.asgi import SyncClient
from server.tests.processes import REELBALLERS, running_api, start_worker
from server.tests.seaweed import KEY_ID, SECRET

PART = {"Content-Type": "application/octet-stream"}
ORIGIN = "https://reel.example"


@pytest.fixture
def settings(seaweed: S3Settings) -> S3Settings:
    return replace(seaweed, prefix=f"{secrets.token_hex(6)}/")


@pytest.fixture
def config(tmp_path: Path, settings: S3Settings) -> Config:
    return Config(data=tmp_path / "data", s3=settings)


@pytest.fixture
def api(config: Config) -> Iterator[SyncClient]:
    with SyncClient(create_app(config)) as api:
        output = {"size": {"width": 64, "height": 64}}
        api.post("/api/v1/projects", json={"id": "project-1", "name": "Match", "output": output})
        yield api


def plan(api: SyncClient, length: int) -> dict[str, Any]:
    request = {"name": "clip.mp4", "bytes": length, "fingerprint": "0123456789abcdef"}
    answer = api.post("/api/v1/projects/project-1/media", json=request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def complete(api: SyncClient, media_id: str) -> httpx.Response:
    return api.post(f"/api/v1/projects/project-1/media/{media_id}/completion")


def put(part: dict[str, Any], content: bytes) -> httpx.Response:
    piece = content[part["offset"] : part["offset"] + part["bytes"]]
    return httpx.put(part["url"], content=piece, headers=PART)


def left_in(settings: S3Settings) -> list[str]:
    """Every object and every upload in parts below the prefix."""
    s3 = client(settings)
    objects = s3.list_objects_v2(Bucket=settings.bucket, Prefix=settings.prefix).get("Contents", [])
    uploads = s3.list_multipart_uploads(Bucket=settings.bucket, Prefix=settings.prefix).get("Uploads", [])
    return [each["Key"] for each in (*objects, *uploads)]


def test_an_upload_goes_straight_to_the_bucket(api: SyncClient, settings: S3Settings, clip: Path) -> None:
    content = clip.read_bytes()
    made = plan(api, len(content))
    (part,) = made["parts"]
    assert part["url"].startswith(settings.origin)
    assert SECRET not in part["url"]
    assert put(part, content).status_code == 200
    again = plan(api, len(content))  # after a reload
    assert (again["media_id"], again["parts"][0]["done"]) == (made["media_id"], True)
    info = complete(api, made["media_id"]).json()
    assert (info["bytes"], info["frames"]) == (len(content), 150)
    assert complete(api, made["media_id"]).json() == info


def test_a_part_of_another_length_or_type_is_refused(api: SyncClient, clip: Path) -> None:
    content = clip.read_bytes()
    made = plan(api, len(content))
    url = made["parts"][0]["url"]
    assert httpx.put(url, content=content + b"x", headers=PART).status_code == 403
    assert httpx.put(url, content=content, headers={"Content-Type": "text/html"}).status_code == 403
    refused = complete(api, made["media_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "storage.parts-missing")


@pytest.mark.parametrize("content", [b"This is no video at all. " * 400, b"\x89PNG\r\n\x1a\n" + bytes(9000)])
def test_what_is_no_video_is_refused_by_its_first_bytes_and_deleted(
    api: SyncClient, settings: S3Settings, config: Config, content: bytes
) -> None:
    made = plan(api, len(content))
    put(made["parts"][0], content)
    refused = complete(api, made["media_id"])
    assert refused.status_code == 422
    assert refused.json()["code"].startswith("media.")
    assert "clip.mp4" in refused.json()["detail"]
    assert left_in(settings) == []
    assert list(config.cache.iterdir()) == []  # it was not even fetched
    assert list(config.tmp.iterdir()) == []


def test_what_is_deleted_is_gone_from_the_bucket(api: SyncClient, settings: S3Settings, clip: Path) -> None:
    content = clip.read_bytes()
    begun = plan(api, len(content) + 1)
    made = plan(api, len(content))
    put(made["parts"][0], content)
    complete(api, made["media_id"])
    assert len(left_in(settings)) == 2
    assert api.delete(f"/api/v1/projects/project-1/media/{begun['media_id']}").status_code == 204
    assert len(left_in(settings)) == 1
    assert api.delete("/api/v1/projects/project-1").status_code == 204
    assert left_in(settings) == []


def test_the_page_may_use_the_bucket(config: Config, settings: S3Settings, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "index.html").write_text("<!doctype html>")
    with SyncClient(create_app(replace(config, dist=tmp_path / "dist"))) as api:
        policy = api.get("/").headers["content-security-policy"]
    rules = {rule.split(" ", 1)[0]: rule.split(" ")[1:] for rule in policy.split("; ")}
    assert settings.origin in rules["connect-src"]
    assert settings.origin in rules["media-src"]
    assert settings.origin not in rules["script-src"]


def test_urls_of_the_local_storage_lead_nowhere(api: SyncClient) -> None:
    assert api.get("/api/v1/storage/a?signature=x").status_code == 404
    assert api.put("/api/v1/storage/a?signature=x", content=b"x").status_code == 404


def test_a_bucket_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    away = S3Settings("http://127.0.0.1:9", "reels", KEY_ID, SECRET)
    with SyncClient(create_app(Config(data=tmp_path / "data", s3=away))) as api:
        answer = api.get("/api/v1/system/ready")
    assert answer.status_code == 503
    assert SECRET not in answer.text


def test_an_export_by_way_of_the_bucket(tmp_path: Path, settings: S3Settings, clip: Path) -> None:
    """The same jobs, with media, segments and results in the bucket; the same bytes as locally."""
    environ = environment(settings)
    with running_api(tmp_path / "local") as local:
        worker = start_worker(tmp_path / "local")
        job = local.export("project-1", local.upload("project-1", clip))
        local.await_state(job["id"], "succeeded")
        expected = local.result(job["id"])
        worker.end()
    with running_api(tmp_path / "data", **environ) as api:
        worker = start_worker(tmp_path / "data", **environ)
        job = api.export("project-1", api.upload("project-1", clip))
        api.await_state(job["id"], "succeeded")
        assert api.result(job["id"]) == expected
        location = api.http.get(f"/api/v1/jobs/{job['id']}/result").headers["location"]
        assert location.startswith(settings.origin)
        named = httpx.get(location).headers
        assert 'filename="Match-96x64.mp4"' in named["content-disposition"]
        assert named["content-type"] == "video/mp4"
        kept = sorted(key.rpartition("/")[2] for key in left_in(settings) if "/jobs/" in key)
        assert kept == ["result.json", "result.mp4"]
        api.call("DELETE", f"jobs/{job['id']}")
        assert [key for key in left_in(settings) if "/jobs/" in key] == []
        assert worker.end() == 0
    said = worker.said() + (tmp_path / "data.api.log").read_text()
    assert SECRET not in said


def environment(settings: S3Settings) -> dict[str, str]:
    return {
        "REELBALLERS_S3_ENDPOINT": settings.endpoint,
        "REELBALLERS_S3_BUCKET": settings.bucket,
        "REELBALLERS_S3_ACCESS_KEY_ID": settings.access_key_id,
        "REELBALLERS_S3_SECRET_ACCESS_KEY": settings.secret_access_key,
        "REELBALLERS_S3_PREFIX": settings.prefix,
    }


# The bucket's rules


def bucket(settings: S3Settings, command: str, origin: str = ORIGIN) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [REELBALLERS, "bucket", command, "--origin", origin],
        env={**os.environ, **environment(settings)},
        capture_output=True,
        text=True,
    )


def test_the_rules_are_checked_and_put_in_place(seaweed: S3Settings) -> None:
    own = replace(seaweed, bucket="rules")
    client(own).create_bucket(Bucket="rules")
    before = bucket(own, "check")
    assert before.returncode == 1
    assert "CORS" in before.stderr
    assert "Lifecycle" in before.stderr
    assert bucket(own, "apply").returncode == 0
    assert bucket(own, "check").returncode == 0
    other = bucket(own, "check", "https://other.example")
    assert other.returncode == 1
    assert "https://other.example" in other.stderr
    assert bucket(own, "check", "other.example/").returncode == 2


def test_pages_elsewhere_are_refused_by_the_bucket(seaweed: S3Settings, tmp_path: Path) -> None:
    own = replace(seaweed, bucket="pages")
    client(own).create_bucket(Bucket="pages")
    assert bucket(own, "apply").returncode == 0
    storage = S3Storage(own, FileCache(tmp_path / "cache", 1))
    storage.put("a.mp4", [b"x"])
    url = storage.url_to_get("a.mp4", "a.mp4", 4_000_000_000)
    page = httpx.get(url, headers={"Origin": ORIGIN}).headers
    assert page["access-control-allow-origin"] == ORIGIN
    assert "etag" in page["access-control-expose-headers"].lower()
    assert (
        "access-control-allow-origin" not in httpx.get(url, headers={"Origin": "https://evil.test"}).headers
    )
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    asks["Access-Control-Request-Headers"] = "content-type"
    assert httpx.options(url, headers=asks).headers["access-control-allow-origin"] == ORIGIN


def test_what_was_kept_before_there_was_a_bucket_moves_into_it(
    tmp_path: Path, settings: S3Settings, clip: Path
) -> None:
    """Media that RunPod is to fetch must lie where a URL leads."""
    data = tmp_path / "data"
    with SyncClient(create_app(Config(data=data))) as api:
        output = {"size": {"width": 64, "height": 64}}
        api.post("/api/v1/projects", json={"id": "project-1", "name": "Match", "output": output})
        content = clip.read_bytes()
        made = plan(api, len(content))
        for part in made["parts"]:
            piece = content[part["offset"] : part["offset"] + part["bytes"]]
            api.put(part["url"], content=piece, headers=PART)
        assert complete(api, made["media_id"]).status_code == 200
        half = plan(api, 9_000_000)
        first, second = half["parts"]
        api.put(first["url"], content=b"a" * first["bytes"], headers=PART)
    config = Config(data=data, s3=settings)
    assert [each.name for each in left_behind(config)] == ["local files"]
    environ = {**os.environ, **environment(settings)}
    for moved in (1, 0):  # again, it finds nothing more to do
        done = subprocess.run(
            [REELBALLERS, "bucket", "fill", "--data", data], env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert f"{moved} files and {moved} begun uploads moved" in done.stdout
    assert [*left_behind(config)] == []
    with SyncClient(create_app(config)) as api:  # half-way uploads go on in the bucket
        again = plan(api, 9_000_000)
        assert (again["media_id"], [part["done"] for part in again["parts"]]) == (
            half["media_id"],
            [True, False],
        )
        assert httpx.put(again["parts"][1]["url"], content=b"b" * second["bytes"], headers=PART).is_success
        assert [part["done"] for part in plan(api, 9_000_000)["parts"]] == [True, True]
        assert api.delete(f"/api/v1/projects/project-1/media/{half['media_id']}").status_code == 204
    (key,) = left_in(settings)
    storage = S3Storage(settings, FileCache(tmp_path / "cache", 1 << 30))
    key = key.removeprefix(settings.prefix)
    assert b"".join(storage.get(key)) == content
    assert httpx.get(storage.url_to_get(key, "clip.mp4", int(time.time()) + 60)).content == content


def test_a_setting_that_is_missing_is_named(seaweed: S3Settings) -> None:
    environ = environment(seaweed)
    del environ["REELBALLERS_S3_BUCKET"]
    done = subprocess.run(
        [REELBALLERS, "worker"], env={**os.environ, **environ}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "REELBALLERS_S3_BUCKET" in done.stderr
    assert SECRET not in done.stderr
