"""Who gets in: tokens, tickets, owners, and what slows guessing down."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pycore.protocol import ReelError
from server.api.main import create_app
from server.api.rate_limit import MOST_KEYS, RateLimit
from server.config import Config
from server.db.database import Database
from server.db.tokens import TICKET_SECONDS, Tokens
from server.tests.asgi import SyncClient
from server.tests.processes import REELBALLERS, Api, export_request, running_api, start_worker

PROJECT = {"id": "project-1", "name": "Match", "output": {"size": {"width": 64, "height": 64}}}


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(config: Config, clock: Clock) -> Iterator[Tokens]:
    config.prepare()
    database = Database(config.database_url)
    yield Tokens(database, clock)
    database.close()


@pytest.fixture
def client(config: Config, tokens: Tokens, clock: Clock) -> Iterator[SyncClient]:
    with SyncClient(create_app(config, clock)) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def get(client: SyncClient, path: str, token: str = "") -> httpx.Response:
    return client.get(f"/api/v1/{path}", headers=bearer(token) if token else {})


def test_loopback_is_open_until_the_first_token(client: SyncClient, tokens: Tokens) -> None:
    assert get(client, "projects").status_code == 200
    token = tokens.create("anna")
    refused = get(client, "projects")
    assert (refused.status_code, refused.json()["code"]) == (401, "auth.required")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert get(client, "projects", token).status_code == 200
    tokens.revoke(tokens.list()[0].id)
    assert get(client, "projects", token).json()["code"] == "auth.wrong-token"
    assert get(client, "projects").status_code == 401  # that all are revoked opens nothing


def test_another_address_needs_a_token_to_start(config: Config, tokens: Tokens) -> None:
    elsewhere = replace(config, host="0.0.0.0")
    with pytest.raises(ReelError, match="token") as caught:
        create_app(elsewhere)
    assert "reelballers token create" in caught.value.problem.hint
    token = tokens.create("anna")
    with SyncClient(create_app(elsewhere)) as client:
        assert get(client, "projects").status_code == 401
        assert get(client, "projects", token).status_code == 200
    tokens.revoke(tokens.list()[0].id)
    with pytest.raises(ReelError):
        create_app(elsewhere)


@pytest.mark.parametrize("path", ["system/health", "system/ready", "system/version"])
def test_probes_need_no_token(client: SyncClient, tokens: Tokens, path: str) -> None:
    tokens.create("anna")
    assert get(client, path).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YTpi",
        "Bearer rb_é",
        "bearer\trb_x",
        "Bearer " + "x" * 5000,
    ],
)
def test_what_is_no_token_opens_nothing(client: SyncClient, tokens: Tokens, header: str) -> None:
    tokens.create("anna")
    answer = client.get("/api/v1/projects", headers={"Authorization": header.encode()})
    assert answer.status_code == 401


def test_every_route_asks(client: SyncClient, tokens: Tokens) -> None:
    tokens.create("anna")
    open_ = {"/system/health", "/system/ready", "/system/version"}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        path = path.removeprefix("/api/v1")
        for method in methods:
            if path in open_ or path.startswith(("/storage/", "/webhooks/")):
                continue
            answer = client.request(method.upper(), f"/api/v1{path.replace('{', '').replace('}', '')}")
            assert answer.status_code == 401, (method, path)


def test_tokens_are_kept_as_hashes_alone(config: Config, tokens: Tokens) -> None:
    token = tokens.create("anna")
    assert len(token) > 40
    for file in config.data.rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes()


def test_guessing_is_slowed_down(client: SyncClient, tokens: Tokens) -> None:
    token = tokens.create("anna")
    answers = [get(client, "projects", f"rb_{number}") for number in range(15)]
    assert [each.status_code for each in answers[:10]] == [401] * 10
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert get(client, "projects", token).status_code == 429  # nobody tells by the answer which one fits


def test_an_owner_has_a_rate(config: Config, tokens: Tokens) -> None:
    anna, ben = tokens.create("anna"), tokens.create("ben")
    with SyncClient(create_app(replace(config, requests_per_second=1))) as client:
        answers = [get(client, "projects", anna) for _ in range(12)]
        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert answers[-1].json()["code"] == "request.too-many"
        assert get(client, "projects", ben).status_code == 200


def test_a_rate_fills_up_again_and_is_forgotten() -> None:
    clock = Clock()
    limit = RateLimit(2.0, 3.0, clock)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.5
    assert (limit.take("a"), limit.take("a")) == (0, 0.5)
    assert limit.take("b") == 0
    for number in range(MOST_KEYS):
        limit.take(str(number))
    assert limit.take("a") == 0


# Owners


def test_owners_see_their_own_alone(client: SyncClient, tokens: Tokens) -> None:
    anna, ben = tokens.create("anna"), tokens.create("ben")
    made = client.post("/api/v1/projects", json=PROJECT, headers=bearer(anna))
    assert made.status_code == 201
    assert [each["id"] for each in get(client, "projects", anna).json()] == ["project-1"]
    assert get(client, "projects", ben).json() == []
    upload = {"name": "a.mp4", "bytes": 10, "fingerprint": "0123456789abcdef"}
    anothers = [
        ("GET", "projects/project-1", None),
        ("PUT", "projects/project-1", PROJECT),
        ("DELETE", "projects/project-1", None),
        ("POST", "projects/project-1/media", upload),
        ("GET", "projects/project-1/media/x", None),
        ("POST", "projects/project-1/media/x/completion", None),
        ("DELETE", "projects/project-1/media/x", None),
        ("GET", "projects/project-1/exports", None),
    ]
    for method, path, body in anothers:
        answer = client.request(method, f"/api/v1/{path}", json=body, headers=bearer(ben))
        missing = path.replace("project-1", "nothing-1")
        nothing = client.request(method, f"/api/v1/{missing}", json=body, headers=bearer(ben))
        assert (answer.status_code, answer.json()["code"]) == (404, "project.not-found"), (method, path)
        assert nothing.json()["code"] == answer.json()["code"]
    taken = client.post("/api/v1/projects", json=PROJECT, headers=bearer(ben))
    assert (taken.status_code, taken.json()["code"]) == (409, "project.exists")
    assert "revision" not in taken.json()["detail"]
    assert get(client, "projects/project-1", anna).status_code == 200


def test_a_quota_counts_all_of_an_owners_media(config: Config) -> None:
    with SyncClient(create_app(replace(config, quota_bytes=100))) as client:
        client.post("/api/v1/projects", json=PROJECT)

        def plan(length: int) -> httpx.Response:
            request = {"name": "a.mp4", "bytes": length, "fingerprint": f"{length:016x}"}
            return client.post("/api/v1/projects/project-1/media", json=request)

        assert plan(60).status_code == 200
        assert plan(60).status_code == 200  # the same upload, taken up again
        full = plan(41)
        assert (full.status_code, full.json()["code"]) == (507, "media.quota")
        assert plan(40).status_code == 200


# Tickets


def ticket_for(client: SyncClient, token: str, path: str) -> str:
    answer = client.post("/api/v1/tickets", json={"path": path}, headers=bearer(token))
    assert answer.status_code == 200, answer.text
    return answer.json()["ticket"]


def test_a_ticket_opens_one_path_once(client: SyncClient, tokens: Tokens) -> None:
    token = tokens.create("anna")
    path = "/api/v1/projects"
    ticket = ticket_for(client, token, path)
    assert client.get(f"/api/v1/jobs?ticket={ticket}").status_code == 401  # and is used up by it
    assert client.get(f"{path}?ticket={ticket}").status_code == 401
    ticket = ticket_for(client, token, path)
    assert client.post(f"{path}?ticket={ticket}", json=PROJECT).status_code == 401
    assert client.get(f"{path}?ticket={ticket}").status_code == 200
    assert client.get(f"{path}?ticket={ticket}").status_code == 401


def test_a_ticket_expires(client: SyncClient, tokens: Tokens, clock: Clock) -> None:
    ticket = ticket_for(client, tokens.create("anna"), "/api/v1/projects")
    clock.now += TICKET_SECONDS + 1
    assert client.get(f"/api/v1/projects?ticket={ticket}").status_code == 401


@pytest.mark.parametrize("body", [{"path": ""}, {"path": "https://evil.test/"}, {"path": "/" + "x" * 2000}])
def test_a_ticket_is_for_a_path(client: SyncClient, body: dict[str, Any]) -> None:
    assert client.post("/api/v1/tickets", json=body).status_code == 422


# Pages served elsewhere


def test_an_allowed_origin_gets_cors(config: Config, tokens: Tokens) -> None:
    page, token = "https://reel.example", tokens.create("anna")
    with SyncClient(create_app(replace(config, allowed_origins=(page,)))) as client:
        asks = {"Origin": page, "Access-Control-Request-Method": "PUT"}
        preflight = client.request("OPTIONS", "/api/v1/projects/project-1", headers=asks)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == page
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        headers = {"Origin": page, "Sec-Fetch-Site": "cross-site", **bearer(token)}
        made = client.post("/api/v1/projects", json=PROJECT, headers=headers)
        assert made.status_code == 201
        assert made.headers["access-control-allow-origin"] == page
        assert made.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "credentials" not in str(made.headers).lower()
        evil = client.post("/api/v1/projects", json=PROJECT, headers={"Origin": "https://evil.test"})
        assert evil.status_code == 403
        assert "access-control-allow-origin" not in evil.headers


# The real thing


def token_of(data: Path, *arguments: str) -> str:
    done = subprocess.run(
        [REELBALLERS, "token", *arguments, "--data", data], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_job_with_tokens_from_the_command_line(tmp_path: Path, clip: Path) -> None:
    data = tmp_path / "data"
    anna, ben = token_of(data, "create", "anna"), token_of(data, "create", "ben")
    with running_api(data, "--host", "0.0.0.0") as api:
        url = api.url
        with httpx.Client(base_url=url, timeout=60, headers=bearer(anna)) as http:
            mine = Api(url, http)
            worker = start_worker(data)
            info = mine.upload("project-1", clip)
            job = mine.export("project-1", info, in_us=0, out_us=200_000)
            path = f"/api/v1/jobs/{job['id']}/events"
            socket_url = url.replace("http", "ws", 1) + path
            for refused in ("", "?ticket=nothing"):
                with pytest.raises(InvalidStatus) as caught, connect(socket_url + refused):
                    pass
                assert caught.value.response.status_code == 403
            ticket = mine.call("POST", "tickets", {"path": path})["ticket"]
            with connect(f"{socket_url}?ticket={ticket}", open_timeout=60) as socket:
                assert list(socket)[-1]
            mine.await_state(job["id"], "succeeded")
            assert worker.end() == 0
            result = f"/api/v1/jobs/{job['id']}/result"
            ticket = mine.call("POST", "tickets", {"path": result})["ticket"]
            assert httpx.get(f"{url}{result}?ticket={ticket}", follow_redirects=True).content[4:8] == b"ftyp"
            others = {f"jobs/{job['id']}": "GET", f"jobs/{job['id']}/cancellation": "POST"}
            for path, method in {**others, f"jobs/{job['id']}/result": "GET"}.items():
                answer = http.request(method, f"/api/v1/{path}", headers=bearer(ben))
                assert (answer.status_code, answer.json()["code"]) == (404, "job.not-found")
            ask = http.post(
                "/api/v1/projects/project-1/exports", json=export_request(info), headers=bearer(ben)
            )
            assert ask.status_code == 404
            assert http.get("/api/v1/jobs", headers=bearer(ben)).json() == []
            listed = token_of(data, "list").splitlines()
            assert [line.split()[1:2] + line.split()[3:] for line in listed] == [
                ["valid", "anna"],
                ["valid", "ben"],
            ]
            token_of(data, "revoke", listed[0].split()[0])
            assert http.get("/api/v1/jobs").status_code == 401
    said = data.with_suffix(".api.log").read_text() + worker.said()
    assert anna not in said
    assert ben not in said
