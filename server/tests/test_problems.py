"""Whatever goes wrong comes as an RFC 9457 problem document."""

import json
from typing import Any

import httpx
import pytest

from server.config import Config
from server.db.projects import Projects
from server.tests.asgi import SyncClient

PROJECT = {"id": "project-1", "name": "Match", "output": {"size": {"width": 64, "height": 64}}}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The document, checked for its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "hint", "code"}
    assert document["status"] == status
    assert document["code"] == code, document
    assert document["type"] == f"urn:reelballers:{code}"
    assert document["title"]
    return document


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v2/projects",
        "/api",
        "/api/",
        "/nothing",
        "/api/v1/storage",
        "/api/v1/projects/",
    ],
)
def test_nothing_there(client: SyncClient, path: str) -> None:
    document = problem(client.get(path), 404, "http.404")
    assert path in document["detail"]


def test_a_job_that_is_not_there(client: SyncClient) -> None:
    assert "'nothing'" in problem(client.get("/api/v1/jobs/nothing"), 404, "job.not-found")["detail"]
    problem(client.post("/api/v1/jobs/nothing/cancellation"), 404, "job.not-found")
    problem(client.delete("/api/v1/jobs/nothing"), 404, "job.not-found")
    problem(client.get("/api/v1/jobs/nothing/result"), 404, "job.not-found")


def test_another_method(client: SyncClient) -> None:
    answer = client.request("PATCH", "/api/v1/projects/project-1")
    problem(answer, 405, "http.405")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PUT"
    assert client.request("HEAD", "/api/v1/estimates").status_code == 405
    assert client.request("OPTIONS", "/api/v1/projects").status_code == 405


def body(**changes: Any) -> bytes:
    return json.dumps(PROJECT | changes).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"id": "project-1"',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[1]]",
        b"\0",
    ],
)
def test_no_json(client: SyncClient, content: bytes) -> None:
    problem(client.post("/api/v1/projects", content=content), 400, "request.not-json")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"null", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b"{}", "body.id"),
        (body(surprise=1), "body.surprise"),
        (body(id=5), "body.id"),
        (body(id=None), "body.id"),
        (body(output={"size": {"width": 64}}), "body.output.size.height"),
        (body(output={"size": {"width": 64, "height": "64"}}), "body.output.size.height"),
        (body(output={"size": {"width": 64, "height": 64.5}}), "body.output.size.height"),
        (body(output={"size": {"width": 64, "height": True}}), "body.output.size.height"),
        (body(output={"size": {"width": 64, "height": 64, "depth": 1}}), "body.output.size.depth"),
        (body(output={"size": {"width": 64, "height": 64}, "model": "none"}), "body.output.model"),
        (body(clips=[1]), "body.clips[0]"),
        (body(revision=float("nan")), "body.revision"),
        (body(revision=1e400), "body.revision"),
    ],
)
def test_a_body_that_does_not_fit_names_the_field(client: SyncClient, content: bytes, field: str) -> None:
    document = problem(client.post("/api/v1/projects", content=content), 422, "request.invalid")
    assert document["detail"].startswith(f"{field}: "), document


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_are_finite(client: SyncClient, number: str) -> None:
    crop = f'{{"x": {number}, "y": 0, "width": 1, "height": 1}}'
    clip = f'{{"duration_us": 1, "fps": 30, "crop": {crop}}}'
    content = f'{{"clips": [{clip}], "size": {{"width": 2, "height": 2}}}}'
    document = problem(client.post("/api/v1/estimates", content=content.encode()), 422, "request.invalid")
    assert document["detail"].startswith("body.clips[0].crop.x: ")


def test_a_body_has_a_limit(client: SyncClient, config: Config) -> None:
    long = b" " * (config.max_body_bytes + 1)
    document = problem(client.post("/api/v1/projects", content=long), 413, "request.too-long")
    assert str(config.max_body_bytes) in document["detail"]
    chunks = iter([b" " * 100_000] * 20)
    problem(client.post("/api/v1/projects", content=chunks), 413, "request.too-long")


def test_what_nobody_foresaw_tells_nothing_and_is_logged(
    client: SyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Projects, _owner: str) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(Projects, "newest", broken)
    answer = client.get("/api/v1/projects")
    document = problem(answer, 500, "server.internal")
    assert "secret" not in answer.text
    assert document["hint"]
    assert "a secret path" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"
