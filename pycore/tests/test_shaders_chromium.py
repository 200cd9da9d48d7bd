"""Golden: every shader against numpy, through Chromium's WebGPU (Tint), with frames as textures and as
videos."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from pycore.backends.gpu import FrameKind
from pycore.tests import golden
from pycore.tests.running import run
from pycore.tests.serving import served
from pycore.upscaler.look import Look

pytestmark = pytest.mark.browser

FLAGS = [
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
    "--use-angle=swiftshader",
    "--use-webgpu-adapter=swiftshader",
    "--ignore-gpu-blocklist",
]
"""WebGPU in software; e2e/conftest.py has the same."""

HERE = Path(__file__).parent
SHADERS = HERE.parents[1] / "web" / "shaders"
RUN = "([cases, texts]) => import('/golden.mjs').then((golden) => golden.run(cases, texts))"


async def run_in_chromium(
    cases: list[dict[str, Any]], texts: dict[str, str]
) -> list[dict[str, list[int]]] | None:
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    executable = os.environ.get("REELBALLERS_CHROMIUM") or shutil.which("chromium")
    with served(HERE) as url:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *sandbox])
            page = await browser.new_page()
            await page.goto(f"{url}golden.html")
            results = await page.evaluate(RUN, [cases, texts])
            await browser.close()
            return results


Results = dict[tuple[FrameKind, str], golden.Result]


@pytest.fixture(scope="module")
def results() -> Results:
    """All cases in one browser, for starting it takes longer than they do."""
    keys, cases = [], []
    for kind in FrameKind:
        for case in golden.CASES:
            height, width, _ = case.frame.shape
            keys.append((kind, case))
            cases.append(
                {
                    "kind": str(kind),
                    "width": width,
                    "height": height,
                    "pixels": list(case.frame.tobytes()),
                    "look": list(Look(*case.crop, case.split, case.sharpness).pack()),
                    "crop": list(case.crop),
                }
            )
    texts = {path.stem: path.read_text() for path in SHADERS.glob("*.wgsl")}
    found = run(run_in_chromium(cases, texts))
    if found is None:
        message = "this Chromium has no software WebGPU adapter"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return {
        (kind, case.name): golden.result(
            case.crop, *[bytes(each[name]) for name in ("source", "luma", "canvas")]
        )
        for (kind, case), each in zip(keys, found, strict=True)
    }


@pytest.mark.parametrize("kind", FrameKind)
@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_shaders_match_the_reference(results: Results, kind: FrameKind, case: golden.Case) -> None:
    golden.assert_golden(case, results[kind, case.name])
