"""The page on a server that asks for a token."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.driver import export, open_clip, state, until, wait_for_job
from e2e.running import BOOT_MS, Server, serving
from server.tests.processes import REELBALLERS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server, and the only token that opens it."""
    data = tmp_path_factory.mktemp("locked") / "data"
    command = [REELBALLERS, "token", "create", "anna", "--data", data]
    token = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    with serving(data) as server:
        yield server, token


def _open(page: Page, server: Server) -> None:
    page.set_default_timeout(BOOT_MS)
    page.goto(server.url)
    page.evaluate("globalThis.reelballers.ready")


def test_the_page_asks_for_a_token_and_works_with_it(
    locked: tuple[Server, str], plain_browser: Browser, small_clip: Path
) -> None:
    server, token = locked
    context = plain_browser.new_context(accept_downloads=True)
    page = context.new_page()
    _open(page, server)
    form = page.get_by_test_id("sign-in")
    expect(form).to_be_visible()
    page.get_by_test_id("token").fill("rb_wrong")
    form.get_by_role("button").click()
    expect(page.get_by_test_id("sign-in-problem")).to_contain_text("does not open")
    page.get_by_test_id("token").fill(token)
    form.get_by_role("button").click()
    expect(form).to_be_hidden()
    assert token not in page.content()
    open_clip(page, small_clip)
    job = export(page)
    wait_for_job(page, job["id"], "succeeded")
    with page.expect_download() as download:
        page.get_by_test_id("job-download").click()
    assert Path(download.value.path()).read_bytes()[4:8] == b"ftyp"

    again = context.new_page()  # the browser remembers
    _open(again, server)
    until(again, lambda now: now["server"], "the server")
    expect(again.get_by_test_id("sign-in")).to_be_hidden()
    assert [each["id"] for each in state(again)["jobs"]] == [job["id"]]
    context.close()
