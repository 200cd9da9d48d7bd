"""Files of the page go compressed to whoever takes that, and otherwise as they are."""

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from server.api.static import Page

TEXT = b"export const number = 1;\n" * 200
NOISE = bytes(range(256)) * 20


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "app.js").write_bytes(TEXT)
    (tmp_path / "small.js").write_bytes(TEXT[:200])
    (tmp_path / "stdlib.zip").write_bytes(NOISE)
    return TestClient(Starlette(routes=[Mount("/", Page(tmp_path))]))


def wire(client: TestClient, path: str, **headers: str) -> tuple[dict[str, str], bytes]:
    """What comes, not unpacked: headers and body."""
    with client.stream("GET", path, headers=headers) as response:
        body = b"".join(response.iter_raw())
        return {**response.headers, "status": str(response.status_code)}, body


def test_text_goes_packed_and_is_the_same_unpacked(client: TestClient) -> None:
    headers, body = wire(client, "/app.js", **{"Accept-Encoding": "br, gzip;q=0.8"})
    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert int(headers["content-length"]) == len(body) < len(TEXT) / 10
    assert gzip.decompress(body) == TEXT


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/app.js", {"Accept-Encoding": "identity"}),
        ("/app.js", {"Accept-Encoding": "gzip;q=0"}),
        ("/small.js", {"Accept-Encoding": "gzip"}),
        ("/stdlib.zip", {"Accept-Encoding": "gzip"}),
    ],
)
def test_the_others_go_as_they_are(
    client: TestClient, tmp_path: Path, path: str, headers: dict[str, str]
) -> None:
    got, body = wire(client, path, **headers)
    assert "content-encoding" not in got
    assert body == (tmp_path / path[1:]).read_bytes()


def test_a_part_is_of_the_file_itself(client: TestClient) -> None:
    got, body = wire(client, "/app.js", **{"Accept-Encoding": "gzip", "Range": "bytes=7-11"})
    assert (got["status"], body) == ("206", TEXT[7:12])
    assert "content-encoding" not in got


def test_what_was_kept_is_asked_for_again_and_a_new_build_is_seen(client: TestClient, tmp_path: Path) -> None:
    headers, _ = wire(client, "/app.js", **{"Accept-Encoding": "gzip"})
    again, body = wire(client, "/app.js", **{"Accept-Encoding": "gzip", "If-None-Match": headers["etag"]})
    assert (again["status"], body) == ("304", b"")
    (tmp_path / "app.js").write_bytes(TEXT * 2)
    headers, body = wire(client, "/app.js", **{"Accept-Encoding": "gzip", "If-None-Match": headers["etag"]})
    assert (headers["status"], gzip.decompress(body)) == ("200", TEXT * 2)
