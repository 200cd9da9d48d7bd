"""`build.py run`'s supervision, with real processes in place of the API and the worker."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.tooling import run
from deploy.tooling.paths import ROOT

API = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/v1/system/ready" else 404)
        self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WAITS = "import signal; print('worker waits', flush=True); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(15, signal.SIG_IGN); print('worker waits', flush=True); signal.pause()"
)


def start(programs: dict[str, list[str]], url: str, stop_s: float = 20.0) -> "subprocess.Popen[str]":
    """A supervisor in a process of its own, where it can have signals."""
    code = (
        f"import json, sys; from deploy.tooling import run; run.STOP_S = {stop_s}\n"
        "programs, url = json.loads(sys.argv[1])\n"
        "sys.exit(run.supervise(programs, url, False))"
    )
    command = [sys.executable, "-c", code, json.dumps([programs, url])]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def python(code: str, *args: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, args)]


def read_until(process: "subprocess.Popen[str]", text: str, seen: str = "") -> str:
    assert process.stdout
    for line in process.stdout:
        seen += line
        if text in seen:
            return seen
    raise AssertionError(f"{text!r} was never printed:\n{seen}")


@pytest.fixture
def port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both_in_order(port: int, number: signal.Signals):
    url = f"http://127.0.0.1:{port}"
    with start({"API": python(API, port), "worker": python(WAITS)}, url) as process:
        seen = read_until(process, f"Ready: {url}")
        if "worker waits" not in seen:
            read_until(process, "worker waits", seen)
        process.send_signal(number)
        assert process.wait() == 0
        assert process.stdout
        assert process.stdout.read() == "Stopping.\n"


def test_one_that_dies_takes_the_other_along_and_is_named(port: int):
    dies = python("import sys; sys.exit(3)")
    with start({"API": python(API, port), "worker": dies}, f"http://127.0.0.1:{port}") as process:
        assert process.wait() == 1
        assert process.stdout
        assert "The worker ended with status 3; stopping." in process.stdout.read()
    with start({"API": python(API, port), "worker": python(WAITS)}, f"http://127.0.0.1:{port}") as process:
        read_until(process, "Ready: ")  # the port is free again: the first API has ended
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_death_by_signal_is_named(port: int):
    killed = python("import os; os.kill(os.getpid(), 9)")
    with start({"API": python(API, port), "worker": killed}, f"http://127.0.0.1:{port}") as process:
        assert process.wait() == 1
        assert process.stdout
        assert "The worker was ended by SIGKILL; stopping." in process.stdout.read()


def test_one_that_does_not_stop_is_killed(port: int):
    programs = {"API": python(API, port), "worker": python(STUBBORN)}
    with start(programs, f"http://127.0.0.1:{port}", stop_s=0.2) as process:
        seen = read_until(process, "worker waits")
        if "Ready: " not in seen:
            read_until(process, "Ready: ", seen)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        assert process.stdout
        assert "The worker did not end within 0 s and is killed." in process.stdout.read()


def test_what_is_started():
    options = run.Options(host="0.0.0.0", port=9000, data=Path("/d"), tls_cert=Path("c"), tls_key=Path("k"))
    started = run.commands(options)
    assert started["API"][1:] == [
        *("serve", "--host", "0.0.0.0", "--port", "9000", "--dist", str(ROOT / "dist")),
        *("--data", "/d", "--tls-cert", "c", "--tls-key", "k"),
    ]
    assert started["worker"][1:] == ["worker", "--data", "/d"]
    assert started["API"][0].endswith("/.venv/bin/reelballers")
    assert run.commands(run.Options())["worker"][1:] == ["worker"]  # the server knows its default folder


@pytest.mark.parametrize(
    ("options", "url"),
    [
        (run.Options(), "http://127.0.0.1:8000"),
        (run.Options(host="0.0.0.0", port=80), "http://127.0.0.1:80"),
        (run.Options(host="::1"), "http://[::1]:8000"),
        (run.Options(host="box.local", tls_cert=Path("c")), "https://box.local:8000"),
    ],
)
def test_the_address_to_open(options: run.Options, url: str):
    assert run.address(options) == url


@pytest.mark.parametrize(
    ("environ", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "a b"}, "darwin", False),
    ],
)
def test_whether_there_is_a_display(environ: dict[str, str], platform: str, there: bool):
    assert run.has_display(environ, platform) is there


def test_the_ready_probe_ignores_proxies(port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with start({"API": python(API, port)}, f"http://127.0.0.1:{port}") as process:
        read_until(process, "Ready: ")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
