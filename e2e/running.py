"""Starts what the tests and the picture script need: API, worker and Chromium."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Playwright

from deploy.tooling.browser import chromium

ROOT = Path(__file__).parents[1]
REELBALLERS = Path(sys.executable).with_name("reelballers")
BOOT_MS = 180_000
"""Python's boot in a browser on two busy cores; a limit against hanging, not a bar."""

SOFTWARE_WEBGPU = [
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
    "--use-angle=swiftshader",
    "--use-webgpu-adapter=swiftshader",
    "--ignore-gpu-blocklist",
]
INSECURE_HOST = "insecure.test"
"""A name that the browser finds on this machine, and holds for another one: an insecure context over http."""

_ALWAYS = [
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]


@dataclass(frozen=True)
class Server:
    """A running API and worker on a data directory of their own."""

    url: str
    data: Path


def launch(playwright: Playwright, flags: list[str]) -> Browser:
    """The Chromium that `build.py test` would take, with `flags`."""
    executable = chromium()
    assert executable, "no Chromium here; `python3 build.py test` says what to do"
    return playwright.chromium.launch(executable_path=executable, args=[*_ALWAYS, *flags])


@contextmanager
def serving(data: Path) -> Iterator[Server]:
    """API and worker, as `build.py run` starts them, ready to take jobs; ended afterwards."""
    port = _free_port()
    commands = (
        [REELBALLERS, "serve", "--port", str(port), "--data", data, "--dist", ROOT / "dist"]
        + ["--allowed-host", INSECURE_HOST],
        [REELBALLERS, "worker", "--data", data],
    )
    log = data / "log.txt"
    with log.open("w") as output:
        processes = [subprocess.Popen(command, stdout=output, stderr=output) for command in commands]
        try:
            url = f"http://127.0.0.1:{port}"
            _await_ready(url, processes, log)
            yield Server(url, data)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await_ready(url: str, processes: "list[subprocess.Popen[bytes]]", log: Path) -> None:
    with httpx.Client(base_url=url) as client:
        for _ in range(600):
            assert all(process.poll() is None for process in processes), log.read_text()
            if _has_processor(client):
                return
            try:
                processes[0].wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"the server did not become ready:\n{log.read_text()}")


def _has_processor(client: httpx.Client) -> bool:
    try:
        answer = client.get("/api/v1/system/capabilities")
    except httpx.TransportError:
        return False  # not listening yet
    return answer.is_success and any(device["available"] for device in answer.json()["processors"])
