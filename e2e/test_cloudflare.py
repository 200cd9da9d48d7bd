"""The page as Cloudflare serves it (wrangler's own server, workerd), API and bucket elsewhere."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser

from deploy.tooling import wrangler
from e2e.driver import export, open_clip, pixels, seek, until, wait_for_job
from e2e.running import BOOT_MS
from server.site import build
from server.storage.bucket_rules import apply_rules
from server.tests.processes import start_api, start_worker
from server.tests.seaweed import free_ports, running_seaweed

pytestmark = pytest.mark.browser
READY_S = 120.0


@dataclass(frozen=True)
class Site:
    """`url` is the page's, `api` the API's, `bucket` the bucket's; three origins."""

    url: str
    api: str
    bucket: str
    version: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("cloudflare")
    (port,) = free_ports(1)
    origin = f"http://127.0.0.1:{port}"
    with running_seaweed(folder / "seaweed") as bucket:
        apply_rules(bucket, [origin])
        environ = {
            "REELBALLERS_ALLOWED_ORIGINS": origin,
            "REELBALLERS_S3_ENDPOINT": bucket.endpoint,
            "REELBALLERS_S3_BUCKET": bucket.bucket,
            "REELBALLERS_S3_ACCESS_KEY_ID": bucket.access_key_id,
            "REELBALLERS_S3_SECRET_ACCESS_KEY": bucket.secret_access_key,
        }
        api, url = start_api(folder / "data", **environ)
        worker = start_worker(folder / "data", **environ)
        built = build(url, bucket.origin, site=folder / "site")
        (version,) = (built / "v").iterdir()
        with (folder / "wrangler.log").open("w") as log:
            process = subprocess.Popen(
                wrangler.dev_command(built, port),
                cwd=folder,
                env=wrangler.environ(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            _await(origin, process, folder / "wrangler.log")
            yield Site(origin, url, bucket.origin, version.name)
        finally:
            process.terminate()
            process.wait(60)
            assert worker.end() == 0, worker.said()
            assert api.end() == 0, api.said()


def _await(origin: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_ = time.monotonic() + READY_S
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until_, log.read_text()
        try:
            httpx.get(origin, timeout=5)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return


def test_its_headers_isolate_it_and_let_caches_keep_what_never_changes(site: Site) -> None:
    page = httpx.get(site.url).headers
    assert page["cross-origin-opener-policy"] == "same-origin"
    assert page["cross-origin-embedder-policy"] == "require-corp"
    assert page["cache-control"] == "no-cache"
    policy = {rule.split(" ")[0]: rule.split(" ")[1:] for rule in page["content-security-policy"].split("; ")}
    assert {site.api, site.api.replace("http", "ws", 1), site.bucket} <= set(policy["connect-src"])
    assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
    assert "unsafe-inline" not in page["content-security-policy"]
    for name, kind in (
        ("main.js", "javascript"),
        ("worker.js", "javascript"),
        ("pyodide/pyodide.asm.wasm", "wasm"),
    ):
        answer = httpx.head(f"{site.url}/v/{site.version}/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert kind in answer.headers["content-type"]
        assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert httpx.get(f"{site.url}/nothing").status_code == 404


def test_it_upscales_a_frame_and_exports_by_way_of_the_bucket(
    site: Site, webgpu_browser: Browser, small_clip: Path
) -> None:
    context = webgpu_browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(BOOT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    page.goto(f"{site.url}/?adapter=software")
    page.evaluate("globalThis.reelballers.ready")
    assert page.evaluate("crossOriginIsolated")
    open_clip(page, small_clip)
    until(page, lambda now: now["preview"]["live"], "a live preview")
    seek(page, 0.2)
    page.evaluate("globalThis.reelballers.settled()")
    assert np.ptp(pixels(page, "reel-canvas")) > 50  # a picture, not one colour

    job = export(page)
    wait_for_job(page, job["id"], "succeeded")
    with page.expect_download() as download:
        page.get_by_test_id("job-download").click()
    assert Path(download.value.path()).read_bytes()[4:8] == b"ftyp"
    assert [each for each in asked if each.startswith(f"PUT {site.bucket}")]
    assert not [
        each
        for each in asked
        if each.startswith("PUT") and site.bucket not in each and "/projects/" not in each
    ]
    context.close()
    assert not faults, faults
