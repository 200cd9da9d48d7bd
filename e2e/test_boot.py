"""The worker's boot: what it loads, and a readable end where something does not come."""

import pytest
from playwright.sync_api import Browser, Page

from e2e.conftest import BOOT_MS, Server

pytestmark = pytest.mark.browser


def _page(browser: Browser) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(BOOT_MS)
    return page


def test_the_boot_loads_its_own_files_and_no_numpy(server: Server, plain_browser: Browser) -> None:
    page = _page(plain_browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url)
    page.evaluate("globalThis.reelballers.ready")
    page.context.close()
    assert [url for url in asked if "pycore" in url]
    assert not [url for url in asked if "numpy" in url or not url.startswith((server.url, "blob:", "data:"))]


@pytest.mark.parametrize("file", ["pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pycore-"])
@pytest.mark.parametrize("how", ["lost", "web page"])
def test_a_file_that_does_not_come_is_named(
    server: Server, plain_browser: Browser, file: str, how: str
) -> None:
    page = _page(plain_browser)
    page.route(
        f"**/pyodide/{file}*",
        lambda route: (
            route.abort() if how == "lost" else route.fulfill(body="<p>no", content_type="text/html")
        ),
    )
    page.goto(server.url)
    told = page.evaluate("globalThis.reelballers.ready.then(() => 'up', error => error.message)")
    refused = page.evaluate("globalThis.reelballers.command('undo', {}).catch(error => error.message)")
    page.context.close()
    assert "The upscaler could not start" in told
    assert file in told
    assert "Reload the page" in told
    assert refused == told


BROKEN = """async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('snapshots');
    for await (const handle of folder.values()) {
        const file = await handle.createWritable();
        await file.write(new Uint8Array(1 << 20));
        await file.close();
    }
}"""


def test_the_next_visit_starts_from_a_snapshot_and_without_one_that_is_broken(
    server: Server, plain_browser: Browser
) -> None:
    context = plain_browser.new_context(service_workers="block")
    context.set_default_timeout(BOOT_MS)

    def visit() -> tuple[Page, bool]:
        page = context.new_page()
        page.goto(server.url)
        page.evaluate("globalThis.reelballers.ready")
        assert page.evaluate("globalThis.reelballers.command('refresh-server', {})") is None
        return page, page.evaluate("globalThis.reelballers.fromSnapshot()")

    page, from_snapshot = visit()
    assert not from_snapshot
    assert page.evaluate("globalThis.reelballers.makeSnapshot()")
    assert visit()[1]
    page.evaluate(BROKEN)
    assert not visit()[1], "one that does not start is left"
    assert not page.evaluate("navigator.storage.getDirectory().then(root => Array.fromAsync(root.keys()))")
    context.close()
