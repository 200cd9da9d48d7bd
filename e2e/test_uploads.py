"""Uploads survive what happens to tabs, and bad files are told apart from good ones."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from e2e.clips import demo_frames, write_clip
from e2e.conftest import OpenPage
from e2e.driver import export, open_clip, state, until, wait_for_job
from e2e.running import BOOT_MS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def heavy_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of three parts and more: 12 nearly lossless frames, and a free box that makes up the size."""
    path = write_clip(tmp_path_factory.mktemp("clips") / "heavy.mp4", demo_frames(12, (160, 96)), audio=False)
    padding = 20 * 1024 * 1024
    with path.open("ab") as file:
        file.write(padding.to_bytes(4, "big") + b"free" + bytes(padding - 8))
    return path


def _count_parts(context: BrowserContext, hold_after: int | None = None) -> list[str]:
    """Notes the number of each part that is PUT; parts after `hold_after` never get through."""
    sent: list[str] = []

    def on_put(route: Route) -> None:
        if route.request.method != "PUT":
            route.continue_()
        elif hold_after is not None and len(sent) >= hold_after:
            route.abort()
        else:
            sent.append(parse_qs(urlsplit(route.request.url).query)["part"][0])
            route.continue_()

    context.route("**/api/v1/storage/**", on_put)
    return sent


def test_a_killed_tab_resumes_its_upload(open_page: OpenPage, heavy_clip: Path) -> None:
    page = open_page()
    context = page.context
    first = _count_parts(context, hold_after=1)
    open_clip(page, heavy_clip)
    project = state(page)["project"]["id"]
    page.get_by_test_id("export-button").click()
    until(page, lambda now: now["upload"] and now["upload"]["sent"] > 0, "the first part")
    page.close()
    context.unroute_all()

    again = _reopen(context, page.url)
    second = _count_parts(context)
    open_clip(again, heavy_clip)
    assert state(again)["project"]["id"] == project
    job = export(again)
    wait_for_job(again, job["id"], "succeeded")
    assert len(first) == 1
    assert second
    assert not set(first) & set(second)


def _reopen(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(BOOT_MS)
    page.goto(url)
    page.evaluate("globalThis.reelballers.ready")
    return page


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.mp4", b"This is no video at all. " * 400),
        ("empty.mp4", b""),
        ("picture.png", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_a_file_that_is_no_video_is_refused_with_advice(
    open_page: OpenPage, tmp_path: Path, name: str, content: bytes
) -> None:
    page = open_page()
    (tmp_path / name).write_bytes(content)
    page.get_by_test_id("file-input").set_input_files(tmp_path / name)
    message = page.get_by_test_id("toast").first
    expect(message).to_contain_text(name)
    assert state(page)["project"] is None
