"""Real Chromium, real server, real worker."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from deploy.tooling.browser import chromium
from e2e.clips import demo_frames, quarter, write_clip

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
ALWAYS = [
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]

expect.set_options(timeout=60_000)


@dataclass(frozen=True)
class Server:
    """A running API and worker on a data directory of their own."""

    url: str
    data: Path


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """API and worker, as `build.py run` starts them, on a fresh data directory."""
    data = tmp_path_factory.mktemp("data")
    port = free_port()
    commands = (
        [REELBALLERS, "serve", "--port", str(port), "--data", data, "--dist", ROOT / "dist"],
        [REELBALLERS, "worker", "--data", data],
    )
    with (data / "log.txt").open("w") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log) for command in commands]
        try:
            url = f"http://127.0.0.1:{port}"
            _await_ready(url, processes, data / "log.txt")
            yield Server(url, data)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def _await_ready(url: str, processes: list[subprocess.Popen[bytes]], log: Path) -> None:
    transport = httpx.HTTPTransport(retries=10)
    with httpx.Client(transport=transport) as client:
        for _ in range(600):
            assert all(process.poll() is None for process in processes), log.read_text()
            try:
                ready = client.get(f"{url}/api/v1/system/ready").status_code == 200
                devices = client.get(f"{url}/api/v1/system/capabilities").json()["processors"]
                if ready and any(device["available"] for device in devices):
                    return
            except (httpx.TransportError, KeyError, ValueError):
                pass  # not listening yet; the loop's bound speaks
            try:
                processes[0].wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"the server did not become ready:\n{log.read_text()}")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


def _launch(playwright: Playwright, flags: list[str]) -> Browser:
    executable = chromium()
    assert executable, "no Chromium here; `python3 build.py test` says what to do"
    return playwright.chromium.launch(executable_path=executable, args=[*ALWAYS, *flags])


@pytest.fixture(scope="session")
def webgpu_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium whose WebGPU runs in software."""
    browser = _launch(playwright, SOFTWARE_WEBGPU)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def plain_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium without any WebGPU adapter."""
    browser = _launch(playwright, [])
    yield browser
    browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(server: Server, webgpu_browser: Browser) -> Iterator[OpenPage]:
    """open_page(browser=None, query="?adapter=software", **context options) -> the page, with Python up.

    Fails the test if the page logged an error or threw.
    """
    contexts = []
    faults: list[str] = []

    def open_(browser: Browser | None = None, query: str = "?adapter=software", **options: object) -> Page:
        context = (browser or webgpu_browser).new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(f"{server.url}/{query}")
        page.set_default_timeout(BOOT_MS)
        page.evaluate("globalThis.reelballers.ready")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 160x96 clip of 24 frames at 30 fps with sound: a quarter of a 640x384 truth, from the demo clip."""
    small = quarter(demo_frames(24, (640, 384)))
    return write_clip(tmp_path_factory.mktemp("clips") / "small.mp4", small)
