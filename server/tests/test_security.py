"""Who is answered, and what browsers are told about the answers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.api.main import create_app
from server.config import Config
from server.db.database import Database
from server.db.tokens import Tokens
from server.tests.asgi import SyncClient

PAGE = "<!doctype html><title>page</title>"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    dist = tmp_path / "dist"
    (dist / "pyodide").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    for name in (
        "main.js",
        "worker.mjs",
        "pyodide/core.wasm",
        "scale.wgsl",
        "numpy.whl",
        "style.css",
        ".secret",
    ):
        (dist / name).write_bytes(b"content of " + name.encode())
    (tmp_path / "outside.txt").write_text("out of bounds")
    return Config(data=tmp_path / "data", dist=dist, host="127.0.0.1")


@pytest.fixture
def client(config: Config) -> Iterator[SyncClient]:
    with SyncClient(create_app(config)) as client:
        yield client


def reachable(config: Config) -> Config:
    """For other machines too: that takes a token."""
    config.prepare()
    database = Database(config.database_url)
    Tokens(database).create("anna")
    database.close()
    return replace(config, host="0.0.0.0")


# Hosts and origins


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.0.0.1"])
def test_loopback_names_are_answered(client: SyncClient, host: str) -> None:
    assert client.get("/api/v1/system/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test:8000", "localhost.evil.test", "", "evil@localhost"]
)
@pytest.mark.parametrize("path", ["/api/v1/projects", "/", "/main.js"])
def test_other_names_are_not(client: SyncClient, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "server.foreign-host")


def test_a_name_can_be_allowed(config: Config) -> None:
    with SyncClient(create_app(replace(config, allowed_hosts=("reel.example",)))) as client:
        assert client.get("/api/v1/system/health", headers={"Host": "Reel.example:443"}).status_code == 200
        assert client.get("/api/v1/system/health", headers={"Host": "evil.example"}).status_code == 421


def test_bound_to_all_addresses_any_name_goes(config: Config) -> None:
    with SyncClient(create_app(reachable(config))) as client:
        assert client.get("/api/v1/system/health", headers={"Host": "192.168.1.5:8000"}).status_code == 200
        headers = {"Host": "192.168.1.5:8000", "Origin": "http://evil.test"}
        assert client.post("/api/v1/projects", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "https://evil.test:8000"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_origins_change_nothing(client: SyncClient, headers: dict[str, str], method: str) -> None:
    answer = client.request(method, "/api/v1/projects/project-1", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "server.foreign-origin")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost", "Host": "localhost:80"},
        {"Origin": "http://[::1]:8000", "Host": "[::1]:8000"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_the_page_itself_does(client: SyncClient, headers: dict[str, str]) -> None:
    assert client.post("/api/v1/projects", content=b"x", headers=headers).status_code == 400
    assert client.delete("/api/v1/jobs/nothing", headers=headers).status_code == 404


# Headers


@pytest.mark.parametrize(
    "path", ["/", "/main.js", "/api/v1/system/health", "/api/v1/nothing", "/nothing", "/openapi.json"]
)
def test_every_answer_is_isolated(client: SyncClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_the_page_may_run_its_own_scripts_and_nothing_else(client: SyncClient) -> None:
    for path in ("/", "/worker.mjs"):
        policy = client.get(path).headers["content-security-policy"]
        rules = {rule.split(" ", 1)[0]: rule.split(" ")[1:] for rule in policy.split("; ")}
        assert rules["default-src"] == ["'self'"]
        assert rules["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
        assert rules["connect-src"] == ["'self'", "ws://127.0.0.1:8000"]
        assert rules["object-src"] == ["'none'"]
        assert "unsafe-inline" not in policy
        assert "'unsafe-eval'" not in policy


def test_a_strange_host_adds_no_rule(config: Config) -> None:
    with SyncClient(create_app(reachable(config))) as client:
        for host in ("a; script-src *", "a b", "*", "a'b", "[::1]; x"):
            policy = client.get("/", headers={"Host": host}).headers["content-security-policy"]
            assert "connect-src 'self';" in policy
            assert policy.count("script-src") == 1


def test_api_answers_run_nothing(client: SyncClient) -> None:
    policy = client.get("/api/v1/system/health").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy


# The page's files


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/worker.mjs", "text/javascript; charset=utf-8"),
        ("/pyodide/core.wasm", "application/wasm"),
        ("/scale.wgsl", "text/wgsl; charset=utf-8"),
        ("/numpy.whl", "application/zip"),
        ("/style.css", "text/css; charset=utf-8"),
    ],
)
def test_files_have_their_types(client: SyncClient, path: str, kind: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


def test_an_unchanged_file_is_not_sent_again(client: SyncClient) -> None:
    first = client.get("/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_changed_file_is(client: SyncClient, config: Config) -> None:
    assert config.dist is not None
    first = client.get("/main.js")
    (config.dist / "main.js").write_bytes(b"another content")
    again = client.get("/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.content == b"another content"


@pytest.mark.parametrize(
    "path",
    ["/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/pyodide/../../outside.txt", "/.secret"]
    + ["/%2esecret", "/pyodide", "/main.js/", "//etc/passwd", "/%00", "/main.js%00.png"],
)
def test_no_other_file_is_served(client: SyncClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404, answer.text
    assert b"out of bounds" not in answer.content
    assert b"content of" not in answer.content


def test_the_page_is_read_only(client: SyncClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = client.request(method, "/main.js")
        assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
