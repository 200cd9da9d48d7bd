"""Requests to addresses that others name, against real servers on this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pycore.protocol import ReelError
from server.net.guard import AddressGuard, Halted, fetch, guarded_client, is_public, shown

PUBLIC = "93.184.215.14"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1",
        "ff02::1", "2001:db8::1", "2002:7f00:1::1", "64:ff9b::a00:1", "2001:0:4136:e378::1", "nonsense",
    ],
)  # fmt: skip
def test_addresses_that_are_nobodys_business(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:4700::6810:85e5", f"::ffff:{PUBLIC}", "64:ff9b::5db8:d70e"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/a.mp4", "only https"),
        ("file:///etc/passwd", "only https"),
        ("ftp://example.com/a", "only https"),
        ("gopher://example.com/", "only https"),
        ("https://user:secret@example.com/", "user name or password"),
        ("https://", "no host"),
        ("https://example.com:99999/", "no URL"),
        ("https://[::1/", "no URL"),
    ],
)
def test_urls_that_no_request_may_go_to(url: str, why: str) -> None:
    with pytest.raises(ReelError, match=why) as caught:
        AddressGuard().check_url(url)
    assert caught.value.problem.code == "net.address"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0177.0.0.1", "0x7f.1", "localhost"])
def test_this_machine_by_whatever_name(host: str) -> None:
    """Decimal, octal and short forms are the resolver's to read: what counts is where it points."""
    with pytest.raises(ReelError, match="no public address"):
        AddressGuard().addresses(host, 443)


def test_a_name_with_a_private_face_is_refused() -> None:
    with pytest.raises(ReelError, match=r"10\.0\.0\.1 is no public address"):
        AddressGuard(resolve=lambda host, port: [PUBLIC, "10.0.0.1"]).addresses("two.example", 443)


def test_the_connection_goes_to_the_address_that_was_checked(served: "Served") -> None:
    """DNS rebinding: the second answer points to this machine. Nothing may ever go there."""
    answers = [[PUBLIC], ["127.0.0.1"]]
    guard = AddressGuard(resolve=lambda host, port: answers.pop(0))
    assert guard.addresses("rebind.example", 443) == [PUBLIC]
    with guarded_client(guard) as client, pytest.raises(ReelError, match="no public address"):
        client.get(f"https://rebind.example:{served.port}/")
    assert served.asked == []


def test_what_the_operator_lists_is_allowed(served: "Served", tmp_path: Path) -> None:
    with guarded_client(AddressGuard({f"127.0.0.1:{served.port}"})) as client:
        assert load(client, served.url("/file"), tmp_path) == b"x" * 5000
    with guarded_client(AddressGuard({f"127.0.0.1:{served.port + 1}"})) as client:
        with pytest.raises(ReelError, match="only https"):
            load(client, served.url("/file"), tmp_path)


def test_redirects_go_through_the_same_checks(served: "Served", tmp_path: Path) -> None:
    with guarded_client(AddressGuard({f"127.0.0.1:{served.port}"})) as client:
        assert load(client, served.url("/moved?/file"), tmp_path) == b"x" * 5000
        for target in ("https://169.254.169.254/latest", "http://localhost/", "file:///etc/passwd"):
            with pytest.raises(ReelError) as caught:
                load(client, served.url(f"/moved?{target}"), tmp_path)
            assert caught.value.problem.code in ("net.address", "net.failed")
        with pytest.raises(ReelError, match="redirects"):
            load(client, served.url("/loop"), tmp_path)


def test_bytes_and_time_are_capped(served: "Served", tmp_path: Path) -> None:
    with guarded_client(AddressGuard({"127.0.0.1"})) as client:
        for path in ("/file", "/endless"):  # announced, and not
            with pytest.raises(ReelError, match="more than 4000 bytes"):
                load(client, served.url(path), tmp_path, most_bytes=4000)
        moments = iter(range(0, 10_000, 7))
        with pytest.raises(ReelError, match="comes too slowly"):
            load(client, served.url("/endless"), tmp_path, clock=lambda: float(next(moments)))
        with pytest.raises(ReelError, match="could not be fetched"):
            load(client, served.url("/short"), tmp_path)  # announces more than it sends
        with pytest.raises(ReelError, match="HTTP 404"):
            load(client, served.url("/nothing"), tmp_path)


def test_a_transfer_can_be_stopped(served: "Served", tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with guarded_client(AddressGuard({"127.0.0.1"})) as client, pytest.raises(Halted):
        load(client, served.url("/endless"), tmp_path, stop=stop)


def test_secrets_in_queries_are_not_shown(served: "Served", tmp_path: Path) -> None:
    assert shown("https://a.example/x.mp4?X-Amz-Signature=secret#f") == "https://a.example/x.mp4"
    with guarded_client(AddressGuard({"127.0.0.1"})) as client, pytest.raises(ReelError) as caught:
        load(client, served.url("/nothing?key=secret"), tmp_path)
    assert "secret" not in str(caught.value)


def load(client: Any, url: str, folder: Path, **options: Any) -> bytes:
    options = {"most_bytes": 10_000_000, "seconds": 30.0, "stop": threading.Event(), **options}
    got = fetch(client, url, folder / "file", **options)
    content = (folder / "file").read_bytes()
    assert len(content) == got
    return content


class Served:
    """A server on this machine; `asked` are the paths that were asked for."""

    def __init__(self, port: int, asked: list[str]) -> None:
        self.port = port
        self.asked = asked

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as found:
        yield found


@contextmanager
def serving() -> Iterator[Served]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            path, _, target = self.path.partition("?")
            match path:
                case "/file":
                    self._answer(200, {"Content-Length": "5000"}, b"x" * 5000)
                case "/short":
                    self._answer(200, {"Content-Length": "5000"}, b"x" * 10)
                case "/moved":
                    self._answer(302, {"Location": target, "Content-Length": "0"}, b"")
                case "/loop":
                    self._answer(302, {"Location": "/loop", "Content-Length": "0"}, b"")
                case "/endless":
                    self._answer(200, {}, b"")
                    try:
                        while True:
                            self.wfile.write(b"x" * 65536)
                    except OSError:
                        pass
                case _:
                    self._answer(404, {"Content-Length": "0"}, b"")

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Served(server.server_port, asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
