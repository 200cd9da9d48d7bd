"""Real Chromium, real server, real worker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from deploy.tooling.browser import SOFTWARE_WEBGPU
from e2e.clips import demo_frames, quarter, write_clip
from e2e.running import BOOT_MS, Server, launch, serving

expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def webgpu_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium whose WebGPU runs in software."""
    browser = launch(playwright, SOFTWARE_WEBGPU)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def plain_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium without any WebGPU adapter."""
    browser = launch(playwright, [])
    yield browser
    browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(server: Server, webgpu_browser: Browser) -> Iterator[OpenPage]:
    """open_page(browser=None, query="?adapter=software", **context options) -> the page, with Python up.

    Fails the test if the page logged an error or threw. Without a service worker, unless the options have it
    (service_workers="allow"): it would fetch the whole page once more in every test.
    """
    contexts = []
    faults: list[str] = []

    def open_(browser: Browser | None = None, query: str = "?adapter=software", **options: object) -> Page:
        context = (browser or webgpu_browser).new_context(**{"service_workers": "block", **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(BOOT_MS)
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(f"{server.url}/{query}")
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
