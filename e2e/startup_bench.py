"""How long the first upscaled frame takes on a later visit, beside a plain start of Pyodide with numpy in the
same browser: `python -m e2e.startup_bench [ROUNDS]`. Prints milliseconds and their ratio."""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

from deploy.tooling.browser import SOFTWARE_WEBGPU
from e2e.clips import demo_frames, quarter, write_clip
from e2e.running import BOOT_MS, launch, serving

PLAIN_WORKER = """
const began = performance.now();
const base = new URL("pyodide/", location.href).href;
const {loadPyodide} = await import(base + "pyodide.mjs");
const python = await loadPyodide({
    indexURL: base, lockFileURL: base + "pyodide-lock.json", packageBaseUrl: base, packages: ["numpy"],
});
python.runPython("import numpy");
postMessage(performance.now() - began);
"""
PLAIN = """async () => {
    const worker = new Worker("/worker.js?plain", {type: "module"});
    const took = await new Promise((done, failed) => {
        worker.onmessage = ({data}) => done(data);
        worker.onerror = event => failed(new Error(event.message));
    });
    worker.terminate();
    return took;
}"""
"""Milliseconds of loadPyodide and an import of numpy, in a worker as the page's own."""

FIRST_FRAME = """async () => {
    await globalThis.reelballers.ready;
    while (!globalThis.reelballers.state().preview.live) await new Promise(requestAnimationFrame);
    await globalThis.reelballers.settled();
    return performance.now();
}"""
"""Milliseconds from the page's own beginning to its first upscaled frame."""


def visit(context: BrowserContext, url: str, clip: Path) -> tuple[float, bool]:
    page = context.new_page()
    page.goto(f"{url}/?adapter=software&tier=base")
    page.get_by_test_id("file-input").set_input_files(clip)  # while Python starts
    took = page.evaluate(FIRST_FRAME)
    from_snapshot = page.evaluate("globalThis.reelballers.fromSnapshot()")
    page.close()
    return took, from_snapshot


def plain(context: BrowserContext, url: str) -> float:
    page = context.new_page()
    page.goto(f"{url}/bench.html")
    took = page.evaluate(PLAIN)
    page.close()
    return took


def main(rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clip = write_clip(Path(folder) / "small.mp4", quarter(demo_frames(24, (640, 384))))
        with serving(Path(folder) / "data") as server:
            browser = launch(playwright, SOFTWARE_WEBGPU)
            context = browser.new_context(service_workers="block")
            context.set_default_timeout(BOOT_MS)
            context.route(
                "**/worker.js?plain",
                lambda route: route.fulfill(response=route.fetch(), body=PLAIN_WORKER),
            )
            visit(context, server.url, clip)
            plain(context, server.url)  # both have their files in the cache then
            page = context.new_page()
            page.goto(server.url)
            assert page.evaluate("globalThis.reelballers.makeSnapshot()")
            page.close()
            ours, theirs = [], []
            for _ in range(rounds):
                theirs.append(plain(context, server.url))
                took, from_snapshot = visit(context, server.url, clip)
                assert from_snapshot
                ours.append(took)
            browser.close()
    ratio = statistics.median(ours) / statistics.median(theirs)
    told = {"first_frame_ms": ours, "plain_pyodide_numpy_ms": theirs, "ratio_of_medians": ratio}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:2]))
