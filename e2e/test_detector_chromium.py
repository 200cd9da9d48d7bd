"""The detector in real Chromium, driven by Python in a worker: its shaders keep their contract on
VideoFrames, and ONNX Runtime gives the same on the GPU's buffers as on the CPU."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from e2e import red_net
from e2e.running import BOOT_MS
from pycore.tests.detector_contract import CONTRACT
from pycore.tests.serving import served

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def page(webgpu_browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("nets")
    red_net.write(folder / "red.onnx")
    rooms = {"harness": ROOT / "e2e" / "detector", "pycore_tests": ROOT / "pycore" / "tests", "nets": folder}
    with served(ROOT / "dist", **rooms) as url:
        page = webgpu_browser.new_page()
        page.set_default_timeout(BOOT_MS)
        page.goto(f"{url}harness/index.html")
        page.locator("html[data-ready]").wait_for()
        yield page
        page.close()


def ask(page: Page, name: str, argument: Any = None) -> Any:
    return page.evaluate("([name, argument]) => globalThis.ask(name, argument)", [name, argument])


def test_the_shaders_keep_their_contract(page: Page) -> None:
    outcome = ask(page, "keeps_contract")
    assert set(outcome) == {term.__name__ for term in CONTRACT}
    failures = [failure for failure in outcome.values() if failure]
    assert not failures, "\n".join(failures)


def test_gpu_and_cpu_see_the_same(page: Page) -> None:
    seen = ask(page, "both", "nets/red.onnx")
    (box,) = seen["gpu"]["boxes"]
    assert np.abs(np.array(box) - [30, 8, 10, 20]).max() <= 4
    for name in ("boxes", "scores", "kits", "glimpse"):
        np.testing.assert_allclose(seen["gpu"][name], seen["cpu"][name], atol=0.02, err_msg=name)
