"""The same page where the browser has no WebGPU: it says so, and the server does the work."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from e2e.clips import demo_frames, read_clip, write_clip
from e2e.conftest import OpenPage
from e2e.driver import download, export, open_clip, until, wait_for_job
from e2e.running import BOOT_MS, INSECURE_HOST, Server

pytestmark = pytest.mark.browser


def test_says_so_and_exports_through_the_server(
    open_page: OpenPage, plain_browser: Browser, small_clip: Path, tmp_path: Path
) -> None:
    page = open_page(plain_browser, query="")
    now = until(page, lambda now: now["capability"], "a capability")
    assert now["capability"]["level"] == "none"
    assert now["capability"]["fallback"] == "runpod"
    open_clip(page, small_clip)
    expect(page.get_by_test_id("reel-message")).to_contain_text("WebGPU")
    expect(page.get_by_test_id("split-slider")).to_be_hidden()
    page.evaluate(
        """globalThis.reelballers.command('set-output', {size: {width: 216, height: 384}, model: 'quick'})"""
    )
    job = wait_for_job(page, export(page)["id"], "succeeded")
    frames, _ = read_clip(download(page, job["id"], tmp_path))
    assert len(frames) == 24
    assert frames[0].shape == (384, 216, 3)


def test_the_server_looks_for_players_where_the_browser_has_only_its_cpu(
    open_page: OpenPage, plain_browser: Browser, tmp_path: Path
) -> None:
    page = open_page(plain_browser, query="")
    open_clip(page, write_clip(tmp_path / "people.mp4", demo_frames(4, (640, 360)), audio=False))
    on_server = page.get_by_test_id("analyse-server")
    expect(on_server).to_have_text(re.compile(r"^On the server · ≈ \d+ s, free$"))
    on_server.click()
    now = until(page, lambda now: now["analysis"]["state"] in ("done", "failed"), "the end of the search")
    assert now["analysis"]["state"] == "done", now["analysis"]
    assert now["analysis"]["processor"]["name"] != "this computer's CPU"
    job = now["jobs"][0]
    assert (job["kind"], job["estimate"]["route"]) == ("tracking", "local")
    assert job["reason"].endswith("as asked."), "what was shown is what is asked for"
    expect(page.get_by_test_id("analysis-message")).to_contain_text("found")
    expect(page.get_by_test_id("analyse-server")).to_be_visible()


def test_a_page_over_http_from_another_machine_names_that_as_the_cause(
    webgpu_browser: Browser, server: Server
) -> None:
    page = webgpu_browser.new_page()
    page.set_default_timeout(BOOT_MS)
    page.goto(server.url.replace("127.0.0.1", INSECURE_HOST))
    page.evaluate("globalThis.reelballers.ready")
    until(page, lambda now: now["server"], "the server, which is there all the same")
    now = until(page, lambda now: now["capability"], "a capability")
    page.close()
    assert now["capability"]["level"] == "none"
    assert "http from another machine" in now["capability"]["reason"]


def test_a_software_adapter_counts_as_none_unless_asked_for(open_page: OpenPage) -> None:
    page = open_page(query="")
    now = until(page, lambda now: now["capability"], "a capability")
    assert now["capability"]["level"] == "none"
    assert now["capability"]["software"]
    expect(page.get_by_test_id("status-chip")).to_be_visible()
