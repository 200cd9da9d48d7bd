"""Takes the README's picture from the real page on the demo clip: .venv/bin/python -m e2e.picture

Software WebGPU draws it, so the figures of speed in it say nothing; they are hidden.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from deploy.tooling.browser import SOFTWARE_WEBGPU
from e2e.driver import seek, until
from e2e.running import BOOT_MS, launch, serving

TARGET = Path(__file__).parent / "pictures" / "page.png"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as data,
        serving(Path(data) / "data") as server,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright, SOFTWARE_WEBGPU)
        page = browser.new_page(viewport={"width": 1440, "height": 810})
        page.set_default_timeout(BOOT_MS)
        page.goto(f"{server.url}/?adapter=software")
        page.evaluate("globalThis.reelballers.ready")
        page.get_by_test_id("demo-button").click()
        until(page, lambda now: now["project"] and now["preview"]["live"], "a live preview")
        seek(page, 3.0)
        page.evaluate(
            """async () => {
                const {command, settled} = globalThis.reelballers;
                await command('set-crop', {crop: {x: 950, y: 350, width: 360, height: 640}});
                await command('set-preview', {split: 0.35});
                await settled();
            }"""
        )
        until(page, lambda now: now["estimates"], "estimates")
        page.get_by_test_id("readout").evaluate("element => { element.style.visibility = 'hidden'; }")
        TARGET.parent.mkdir(exist_ok=True)
        page.wait_for_timeout(5000)  # the filmstrip fills up
        page.screenshot(path=TARGET)
        browser.close()
    print(TARGET)


if __name__ == "__main__":
    main()
