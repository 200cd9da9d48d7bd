"""`build.py run`: the API and the worker, side by side; when one ends, so does the other."""

import http.client
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from deploy.tooling.paths import DIST, script
from deploy.tooling.ui import say

STOP_S = 20.0
"""How long a process may take to end after SIGTERM: the worker finishes nothing, but it closes its files."""
READY_S = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    host: str = "127.0.0.1"
    port: int = 8000
    data: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    open: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """A process is over; `code` is negative for a signal."""

    name: str
    code: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody asked us to stop."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The API answers (or did not within READY_S)."""

    ok: bool


Happening = Ended | Stop | Ready


def commands(options: Options) -> dict[str, list[str]]:
    """What is started, by name."""
    data = ["--data", str(options.data)] if options.data else []
    tls = ["--tls-cert", str(options.tls_cert)] if options.tls_cert else []
    tls += ["--tls-key", str(options.tls_key)] if options.tls_key else []
    program = str(script("reelballers"))
    serve = ["serve", "--host", options.host, "--port", str(options.port), "--dist", str(DIST)]
    return {"API": [program, *serve, *data, *tls], "worker": [program, "worker", *data]}


def address(options: Options) -> str:
    """The URL to open on this machine."""
    scheme = "https" if options.tls_cert else "http"
    host = "127.0.0.1" if options.host in ("0.0.0.0", "::", "") else options.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{options.port}"


def has_display(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    if platform == "darwin":
        return "SSH_CONNECTION" not in environ
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def run(options: Options) -> int:
    """Starts both, tells the URL when the API is ready, and returns when they have ended: 0 if that was
    asked for by a signal, 1 if one of them ended by itself.
    """
    return supervise(commands(options), address(options), options.open and has_display())


def supervise(programs: dict[str, list[str]], url: str, browser: bool) -> int:
    happenings: SimpleQueue[Happening] = SimpleQueue()
    before = {
        number: signal.signal(number, lambda number, _: happenings.put(Stop(number))) for number in _SIGNALS
    }
    processes: dict[str, subprocess.Popen[bytes]] = {}
    over = threading.Event()
    threads = [threading.Thread(target=_await_ready, args=(_opener(url), url, happenings, over))]
    try:
        for name, command in programs.items():
            # a group of its own: Ctrl-C in the terminal reaches us alone, and we end them in order
            processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
            threads.append(threading.Thread(target=_watch, args=(name, processes[name], happenings)))
        for thread in threads:
            thread.start()
        return _attend(happenings, url, browser)
    finally:
        over.set()
        _end(processes)
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _attend(happenings: "SimpleQueue[Happening]", url: str, browser: bool) -> int:
    while True:
        match happenings.get():
            case Ended(name, code):
                how = (
                    f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
                )
                say(f"The {name} {how}; stopping.")
                return 1
            case Stop():
                say("Stopping.")
                return 0
            case Ready(ok=True):
                say(f"Ready: {url}  (Ctrl-C stops it)")
                if browser:
                    webbrowser.open(url)
            case Ready(ok=False):
                say(f"The API does not answer at {url} yet; its messages above may say why.")


def _watch(name: str, process: "subprocess.Popen[bytes]", happenings: "SimpleQueue[Happening]") -> None:
    happenings.put(Ended(name, process.wait()))


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Asks our own server: past any proxy, whatever host its certificate names."""
    if not url.startswith("https:"):
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )


def _await_ready(
    opener: urllib.request.OpenerDirector,
    url: str,
    happenings: "SimpleQueue[Happening]",
    over: threading.Event,
) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        try:
            with opener.open(f"{url}/api/v1/system/ready", timeout=2):
                happenings.put(Ready(True))
                return
        except (OSError, http.client.HTTPException):
            if over.wait(0.1):
                return
    happenings.put(Ready(False))


def _end(processes: dict[str, "subprocess.Popen[bytes]"]) -> None:
    """SIGTERM to each that still runs, SIGKILL to what is left of its group when it takes too long."""
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + STOP_S
    for name, process in processes.items():
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"The {name} did not end within {STOP_S:.0f} s and is killed.")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
