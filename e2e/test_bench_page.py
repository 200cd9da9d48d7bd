"""bench.html as the real server hands it out: it measures, draws what it found, and gives it as JSON."""

import json

import pytest
from playwright.sync_api import Browser, expect

from e2e.running import BOOT_MS, Server

pytestmark = pytest.mark.browser


def test_the_page_measures_and_tells(server: Server, webgpu_browser: Browser) -> None:
    context = webgpu_browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.goto(f"{server.url}/bench.html?adapter=software&sizes=24x16,32x24")
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("progress")).to_be_visible()
    expect(page.get_by_test_id("results")).to_be_visible(timeout=BOOT_MS)
    expect(page.get_by_test_id("progress")).to_be_hidden()
    rows = page.get_by_test_id("table").locator("tr")
    assert rows.all_inner_texts()[0].split("\t")[1:3] == ["24×16", "32×24"]
    assert [text.split("\t")[0] for text in rows.all_inner_texts()[1:]] == [
        "Tier base", "Tier S", "Tier M", "Tier L",
    ]  # fmt: skip
    assert page.get_by_test_id("plot").locator("rect").count() == 4
    expect(page.get_by_test_id("notes")).to_contain_text("software adapter")
    expect(page.get_by_test_id("notes")).to_contain_text("Python's own bookkeeping")
    page.get_by_test_id("copy").click()
    expect(page.get_by_test_id("copy")).to_have_text("Copied")
    report = json.loads(page.evaluate("navigator.clipboard.readText()"))["ours"]
    assert len(report["frames"]) == 8
    cost = report["cost"]
    parts = sum(cost[part] for part in ("import_ms", "canvas_ms", "submit_ms", "python_ms"))
    assert cost["total_ms"] == pytest.approx(parts)
    context.close()
    assert not faults, "\n".join(faults)


def test_without_a_gpu_it_says_so(server: Server, plain_browser: Browser) -> None:
    page = plain_browser.new_page()
    page.goto(f"{server.url}/bench.html")
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("failure")).to_contain_text("no GPU to measure", timeout=BOOT_MS)
    page.close()
