"""An export at RunPod as a person does it: the price before, the route chosen, the reason, the price after.
RunPod's control plane alone is a stand-in; its worker, the bucket, API and page are real."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from deploy.tooling.paths import DIST
from e2e.driver import export, open_clip, until, wait_for_job
from e2e.running import BOOT_MS
from server.storage.bucket_rules import apply_rules
from server.tests.processes import start_api, start_worker
from server.tests.runpod_plane import Plane, running_plane, server_environment
from server.tests.runpod_worker import running_worker
from server.tests.seaweed import running_seaweed

pytestmark = pytest.mark.browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Plane]]:
    """Where the page is, of a server that is set up for RunPod."""
    with ExitStack() as stack:
        bucket = stack.enter_context(running_seaweed(tmp_path / "seaweed"))
        plane = stack.enter_context(running_plane())
        environ = server_environment(plane, bucket, "h100")
        api, url = start_api(tmp_path / "data", "--dist", DIST, **environ)
        stack.callback(api.end)
        apply_rules(bucket, [url])
        stack.callback(start_worker(tmp_path / "data", **environ).end)
        stack.enter_context(running_worker(plane, "pod-1", tmp_path, bucket))
        yield url, plane


def test_price_route_reason_and_price_again(
    site: tuple[str, Plane], plain_browser: Browser, small_clip: Path
) -> None:
    url, plane = site
    context = plain_browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(BOOT_MS)
    page.goto(url)
    page.evaluate("globalThis.reelballers.ready")
    open_clip(page, small_clip)
    remote = page.get_by_test_id("route-runpod")
    line = page.get_by_test_id("estimates").locator("li", has=remote)
    expect(line).to_contain_text("RunPod H100")
    expect(line).to_contain_text("$0.05")
    remote.check()
    job_id = export(page)["id"]
    row = page.get_by_test_id(f"job-{job_id}")
    expect(row.get_by_test_id("job-reason")).to_have_text("RunPod H100, as asked.")
    until(page, lambda now: not now["upload"], "the end of the upload")
    done = wait_for_job(page, job_id, "succeeded")
    expect(row).to_contain_text(f"${done['result']['actual_cost_usd']:.2f} (estimated $0.05)")
    assert len(plane.jobs) == 1
    if shot := os.environ.get("REELBALLERS_SHOT"):
        page.screenshot(path=shot)
    context.close()
