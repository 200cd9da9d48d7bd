"""How many frames a second the browser's analysis looks at, alone and beside the preview, with the page's
own workers:

.venv/bin/python -m e2e.analysis_bench CLIP [--chromium PROGRAM] [--runs N] [--software]

Prints the report as JSON. On a machine without a GPU, --software shows only that all runs (on the CPU)."""

import argparse
import json
from pathlib import Path

from playwright.sync_api import sync_playwright

from deploy.tooling.browser import SANDBOX, SOFTWARE_WEBGPU, chromium
from deploy.tooling.paths import DIST
from pycore.tests.serving import served

HERE = Path(__file__).parent
LIMIT_MS = 600_000
HARDWARE = (
    "--ignore-gpu-blocklist",
    "--enable-unsafe-webgpu",
    "--use-angle=vulkan",
    "--enable-features=Vulkan",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--chromium", default=chromium())
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--software", action="store_true")
    given = parser.parse_args()
    flags = [*SANDBOX, "--autoplay-policy=no-user-gesture-required"]
    flags += SOFTWARE_WEBGPU if given.software else HARDWARE
    query = f"base=../&clip=clips/{given.clip.name}&runs={given.runs}"
    if given.software:
        query += "&adapter=software"
    with served(DIST, bench=HERE, clips=given.clip.resolve().parent) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=flags)
        page = browser.new_page()
        page.goto(f"{url}bench/index.html?{query}")
        page.locator("html[data-report]").wait_for(timeout=LIMIT_MS)
        report = page.locator("html").get_attribute("data-report")
        browser.close()
    print(json.dumps(json.loads(report or "{}"), indent=1))


if __name__ == "__main__":
    main()
