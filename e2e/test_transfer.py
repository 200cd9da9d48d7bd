"""What a first visit fetches before its first upscaled frame: so much, in so many requests, and not more."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request

from e2e.driver import open_clip
from e2e.running import BOOT_MS, Server

pytestmark = pytest.mark.browser

MOST_BYTES = 8_000_000
MOST_REQUESTS = 110
"""Some more than there are: another module is fine, a request for each of something is not."""


def test_a_first_visit_fetches_little_before_its_first_frame(
    server: Server, webgpu_browser: Browser, small_clip: Path
) -> None:
    context = webgpu_browser.new_context(service_workers="block")
    page = context.new_page()
    page.set_default_timeout(BOOT_MS)
    ended: list[Request] = []
    page.on("requestfinished", lambda request: ended.append(request))
    page.goto(f"{server.url}/?adapter=software&tier=s")
    page.evaluate("globalThis.reelballers.ready")
    open_clip(page, small_clip)
    page.evaluate("globalThis.reelballers.settled()")
    asked = [each for each in ended if each.url.startswith(server.url)]
    sizes = {each.url.removeprefix(server.url): _bytes(each) for each in asked}
    context.close()
    largest = sorted(sizes.items(), key=lambda each: -each[1])[:8]
    assert any("asm.wasm" in name for name in sizes), "the worker's requests are counted too"
    assert sum(sizes.values()) <= MOST_BYTES, largest
    assert len(asked) <= MOST_REQUESTS, sorted(sizes)
    for late in ("numpy", "/ort/", "detector"):
        assert not [name for name in sizes if late in name], f"{late} is fetched when it is needed"


def _bytes(request: Request) -> int:
    """On the wire, headers of the answer included."""
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
