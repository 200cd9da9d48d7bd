"""The page without a network after its first visit, and what a new build does to pages that are kept."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from deploy.tooling import dist as building
from deploy.tooling.paths import DIST
from e2e.driver import open_clip, until
from e2e.running import BOOT_MS
from server.tests.processes import start_api
from server.tests.seaweed import free_ports

pytestmark = pytest.mark.browser

KEPT = """async () => {
  await navigator.serviceWorker.ready;
  const kept = await caches.open("reelballers-files");
  return (await kept.keys()).length;
}"""
"""How many files are kept, once the service worker has them all."""


@contextmanager
def serving(dist: Path, data: Path, port: int) -> Iterator[None]:
    """The API and the page of `dist` at a port that stays the same from one server to the next."""
    api, _ = start_api(data, "--dist", dist, "--port", str(port))
    try:
        yield
    finally:
        assert api.end() == 0, api.said()


@pytest.fixture
def port() -> int:
    (port,) = free_ports(1)
    return port


@pytest.fixture
def context(webgpu_browser: Browser) -> Iterator[BrowserContext]:
    context = webgpu_browser.new_context(service_workers="allow")
    context.set_default_timeout(BOOT_MS)
    yield context
    context.close()


def visit(context: BrowserContext, port: int) -> Page:
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/?adapter=software")
    page.evaluate("globalThis.reelballers.ready")
    return page


def test_a_kept_page_needs_no_network_and_never_mixes_two_builds(
    context: BrowserContext, port: int, tmp_path: Path, small_clip: Path
) -> None:
    new = tmp_path / "new"
    shutil.copytree(DIST, new, copy_function=os.link)
    change(new)
    with serving(DIST, tmp_path / "data", port):
        page = visit(context, port)
        open_clip(page, small_clip)
        assert page.evaluate(KEPT) > 50
        page.close()

    page = visit(context, port)  # nothing listens there now
    open_clip(page, small_clip)
    until(page, lambda state: state["preview"]["live"], "upscales")
    page.evaluate("reelballers.settled()")
    page.close()

    with serving(new, tmp_path / "data", port):
        page = visit(context, port)
        assert marks(page) == (None, None)  # the build that is kept, whole
        open_clip(page, small_clip)
        page.locator('[data-code="app.updated"]').wait_for()
        page.close()
        page = visit(context, port)
        page.wait_for_function("globalThis.mainOf === 'new'")
        assert marks(page) == ("new", "new")


def change(dist: Path) -> None:
    """Another build: two files of it say so."""
    for name, mark in (("main.js", "mainOf"), ("ui/dom.js", "domOf")):
        text = (dist / name).read_text() + f'\nglobalThis.{mark} = "new";\n'
        (dist / name).unlink()  # a link to the real build's
        (dist / name).write_text(text)
    worker = dist / building.SERVICE_WORKER
    files = {
        path: building.file_sha256(dist / path)
        for path in re.findall(r'"([^"]+)": "[0-9a-f]{64}"', worker.read_text())
    }
    template = re.sub(r"const FILES = \{.*\};", building.NO_FILES, worker.read_text())
    worker.unlink()
    worker.write_text(template)
    building.name_files(worker, files)


def marks(page: Page) -> tuple[str | None, str | None]:
    main, dom = page.evaluate("[globalThis.mainOf ?? null, globalThis.domOf ?? null]")
    return main, dom
