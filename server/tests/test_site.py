"""The folder for Cloudflare: what changes with a build has a new address, what cannot be served is refused.
(That it works when served: e2e/test_cloudflare.py.)"""

import hashlib
import json
from pathlib import Path

import pytest

from pycore.protocol import ReelError
from server.api.security import ISOLATION
from server.site import MOST_BYTES, build

API, BUCKET = "https://api.reel.example", "https://account.r2.example"
PAGE = """<meta name="reelballers-api" content="/api/v1">
<link href="./styles/base.css"><script src="./main.js"></script><a href="https://other.example">"""


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "index.html").write_text(PAGE)
    (dist / "main.js").write_text("//")
    (dist / "sw.js").write_text('const BASE = "";\nconst FILES = {"main.js": "1", "index.html": "2"};')
    (dist / "build.json").write_text(json.dumps({"files": {"main.js": "1", "index.html": "2"}}))
    return dist


def test_the_page_finds_its_files_and_its_api(tmp_path: Path, dist: Path) -> None:
    site = build(API, BUCKET, dist, tmp_path / "site")
    (version,) = (site / "v").iterdir()
    page = (site / "index.html").read_text()
    assert f'content="{API}/api/v1"' in page
    assert f'src="./v/{version.name}/main.js"' in page
    assert 'href="https://other.example"' in page
    assert (version / "main.js").is_file()
    assert sorted(path.name for path in site.iterdir()) == ["_headers", "index.html", "sw.js", "v"]


def test_the_service_worker_knows_the_page_as_it_is_served(tmp_path: Path, dist: Path) -> None:
    site = build(API, BUCKET, dist, tmp_path / "site")
    (version,) = (site / "v").iterdir()
    text = (site / "sw.js").read_text()
    page = hashlib.sha256((site / "index.html").read_bytes()).hexdigest()
    assert f'const BASE = "v/{version.name}/";' in text
    assert f'"index.html": "{page}"' in text
    assert not (version / "sw.js").exists()


def test_another_build_has_another_address(tmp_path: Path, dist: Path) -> None:
    first = [path.name for path in (build(API, "", dist, tmp_path / "site") / "v").iterdir()]
    again = [path.name for path in (build(API, "", dist, tmp_path / "site") / "v").iterdir()]
    (dist / "build.json").write_text(json.dumps({"files": {"main.js": "3", "index.html": "2"}}))
    changed = [path.name for path in (build(API, "", dist, tmp_path / "site") / "v").iterdir()]
    assert first == again
    assert first != changed


def test_the_headers_are_our_own_servers(tmp_path: Path, dist: Path) -> None:
    text = (build(API, BUCKET, dist, tmp_path / "site") / "_headers").read_text()
    for name, value in ISOLATION.items():
        assert f"  {name}: {value}" in text
    assert f"connect-src 'self' {API} wss://api.reel.example {BUCKET};" in text
    assert "unsafe-inline" not in text
    assert all(len(line) < 2000 for line in text.splitlines())  # Cloudflare's limit


def test_a_file_that_cloudflare_does_not_take_is_named(tmp_path: Path, dist: Path) -> None:
    with (dist / "main.js").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ReelError, match=r"main\.js"):
        build(API, "", dist, tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    "origin", ["api.reel.example", "https://api.reel.example/", "https://a.example/b", "ftp://a"]
)
def test_an_origin_is_an_origin(tmp_path: Path, dist: Path, origin: str) -> None:
    with pytest.raises(ReelError, match="origin"):
        build(origin, "", dist, tmp_path / "site")


def test_without_a_build_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ReelError, match=r"build\.py build"):
        build(API, "", tmp_path, tmp_path / "site")
