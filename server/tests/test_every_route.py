"""What holds for each route of the table, whatever it does: whose things are, how much is taken, how often. A
new route is here as soon as it is in the table."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from server.api.main import OPERATIONS, PREFIX, create_app
from server.api.operations import Operation
from server.config import Config
from server.db.tables import projects
from server.db.tokens import Tokens
from server.jobs.remote_tasks import webhook_path
from server.storage.keys import media_key
from server.storage.local import LocalStorage
from server.storage.signing import UrlSigner
from server.tests.asgi import SyncClient
from server.tests.job_bench import open_bench

PROJECT, MEDIA = "project-1", "media-1"
SIZE = {"width": 96, "height": 64}
CROP = {"x": 0, "y": 0, "width": 48, "height": 32}
BODIES: dict[str, Any] = {
    "Project": {"id": PROJECT, "name": "Match", "output": {"size": SIZE}},
    "UploadRequest": {"name": "a.mp4", "bytes": 10, "fingerprint": "0123456789abcdef"},
    "ExportRequest": {
        "clips": [{"media_id": MEDIA, "in_us": 0, "out_us": 1_000_000, "crop": CROP}],
        "size": SIZE,
    },
    "TrackingRequest": {"media_id": MEDIA},
    "EstimateRequest": {"clips": [{"duration_us": 1_000_000, "fps": 30, "crop": CROP}], "size": SIZE},
    "TrackingEstimateRequest": {"size": SIZE, "duration_us": 1_000_000},
    "TicketRequest": {"path": f"{PREFIX}/projects"},
}
"""One that is valid, for each type that a route takes."""
OPEN = ("/system/health", "/system/ready", "/system/version")
SIGNED = ("/storage/", "/webhooks/")


def named(operations: list[Operation]) -> pytest.MarkDecorator:
    ids = [f"{each.method} {each.documented_path}" for each in operations]
    return pytest.mark.parametrize("operation", operations, ids=ids)


HTTP = [each for each in OPERATIONS if not each.websocket]
OWNED = [each for each in HTTP if each.parameters and not each.path.startswith(SIGNED)]
ASKING = [each for each in HTTP if each.path not in OPEN and not each.path.startswith(SIGNED)]


@dataclass(frozen=True)
class Two:
    """A server on which anna has a project with a media file and a job, and ben has nothing."""

    config: Config
    anna: str
    ben: str
    job: str

    def path(self, operation: Operation, present: bool) -> str:
        project, job = (PROJECT, self.job) if present else ("nothing-1", "0" * 24)
        own = job if operation.path.startswith("/jobs/") else project
        return PREFIX + operation.documented_path.replace("{id}", own).replace("{media_id}", MEDIA)

    def ask(
        self, client: SyncClient, operation: Operation, token: str, present: bool = True, **options: Any
    ) -> httpx.Response:
        body = None if operation.body is None else BODIES[operation.body.__name__]
        options = {"json": body} | options
        return client.request(
            operation.method, self.path(operation, present), headers=bearer(token), **options
        )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    config = Config(data=tmp_path / "data", allowed_hosts=("testserver",))
    config.prepare()
    with open_bench(tmp_path, config.database_url) as bench:
        with bench.database.write() as transaction:
            transaction.execute(sa.update(projects).values(owner="anna"))
        storage = LocalStorage(config.storage, UrlSigner(b"key", "/"))
        storage.put(media_key(PROJECT, MEDIA, "clip.mp4"), [b"source"])
        tokens = Tokens(bench.database)
        yield Two(config, tokens.create("anna"), tokens.create("ben"), bench.job().id)


# Whose things are


def test_what_a_path_names_is_owned_or_signed_for() -> None:
    for operation in OPERATIONS:
        if operation.parameters:
            assert operation.path.startswith(("/projects/{id}", "/jobs/{id}", *SIGNED)), operation.path


@named(OWNED)
def test_anothers_is_answered_like_nothing(two: Two, operation: Operation) -> None:
    with SyncClient(create_app(two.config)) as client:
        theirs = two.ask(client, operation, two.ben)
        nothing = two.ask(client, operation, two.ben, present=False)
        own = two.ask(client, operation, two.anna)
    assert theirs.status_code == 404
    ids = {PROJECT: "nothing-1", two.job: "0" * 24}
    told = theirs.text
    for present, absent in ids.items():
        told = told.replace(present, absent)
    assert told == nothing.text
    assert own.status_code not in (401, 403, 404, 405, 500), own.text


def test_anothers_job_is_not_watched(two: Two) -> None:
    (operation,) = (each for each in OPERATIONS if each.websocket)
    client = TestClient(create_app(two.config))
    with client.websocket_connect(two.path(operation, True), headers=bearer(two.anna)) as socket:
        assert socket.receive_json()["job"]["id"] == two.job
    closed = []
    for present in (True, False):
        with client.websocket_connect(two.path(operation, present), headers=bearer(two.ben)) as socket:
            with pytest.raises(WebSocketDisconnect) as caught:
                socket.receive_json()
            closed.append((caught.value.code, caught.value.reason))
    assert closed[0] == closed[1] == (4404, "There is no such job")


@pytest.mark.parametrize("path", ["projects", "jobs", f"jobs?project_id={PROJECT}"])
def test_lists_have_ones_own_alone(two: Two, path: str) -> None:
    with SyncClient(create_app(two.config)) as client:
        assert len(client.get(f"{PREFIX}/{path}", headers=bearer(two.anna)).json()) == 1
        assert client.get(f"{PREFIX}/{path}", headers=bearer(two.ben)).json() == []


def test_anothers_file_and_tracks_cannot_be_used(two: Two) -> None:
    mine = {**BODIES["Project"], "id": "bens-project"}
    (clip,) = BODIES["ExportRequest"]["clips"]
    follow = {**clip, "follow": {"job_id": two.job, "track_id": "1"}}
    asked = [
        ("exports", BODIES["ExportRequest"], "media.not-found"),
        ("exports", {**BODIES["ExportRequest"], "clips": [follow]}, "job.not-found"),
        ("tracking", BODIES["TrackingRequest"], "media.not-found"),
    ]
    with SyncClient(create_app(two.config)) as client:
        assert client.post(f"{PREFIX}/projects", json=mine, headers=bearer(two.ben)).status_code == 201
        for path, body, code in asked:
            url = f"{PREFIX}/projects/bens-project/{path}"
            answer = client.post(url, json=body, headers=bearer(two.ben))
            assert (answer.status_code, answer.json()["code"]) == (404, code), answer.text


# How much is taken


@named([each for each in HTTP if each.body is not None])
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_has_a_limit(two: Two, operation: Operation, announced: bool) -> None:
    config = replace(two.config, max_body_bytes=10_000)
    body = b" " * 10_001
    with SyncClient(create_app(config)) as client:
        content = body if announced else iter([body[:9_000], body[9_000:]])
        answer = two.ask(client, operation, two.anna, json=None, content=content)
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too-long")


def test_streamed_bodies_are_signed_for_or_limited(two: Two) -> None:
    """The rest of the routes that take a body: nothing is read that no URL of ours asked for, and of that no
    more than fits."""
    streamed = [each for each in HTTP if each.raw is not None and each.method in ("PUT", "POST")]
    assert {each.path for each in streamed} == {"/storage/{key:path}", "/webhooks/runpod/{id}"}
    signer = UrlSigner(two.config.signing_key(), PREFIX)
    hook = signer.sign("POST", webhook_path("0" * 16), 9_999_999_999, {})
    with SyncClient(create_app(replace(two.config, max_body_bytes=10_000))) as client:
        for operation in streamed:
            path = PREFIX + operation.documented_path.replace("{id}", "a").replace("{key}", "a")
            assert client.request(operation.method, path, content=b"x" * 20_000).status_code == 403
        assert client.post(hook, content=b"x" * 20_000).status_code == 413


# How often


@named(ASKING)
def test_an_owner_has_a_rate(two: Two, operation: Operation) -> None:
    with SyncClient(create_app(replace(two.config, requests_per_second=1))) as client:
        answers = [two.ask(client, operation, two.anna) for _ in range(12)]
    answer = answers[-1]
    assert answers[0].status_code != 429
    assert (answer.status_code, answer.json()["code"]) == (429, "request.too-many")
    assert int(answer.headers["retry-after"]) >= 1


@named(ASKING)
def test_guesses_are_slowed_down(two: Two, operation: Operation) -> None:
    with SyncClient(create_app(two.config)) as client:
        told = {two.ask(client, operation, f"rb_{number}").status_code for number in range(12)}
    assert told == {401, 429}
