"""Golden: every shader against numpy, through Chromium's WebGPU (Tint), with frames as textures and as
videos."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import async_playwright

from deploy.tooling.browser import SANDBOX, SOFTWARE_WEBGPU, chromium
from pycore.backends.gpu import PIXEL_BYTES, FrameKind
from pycore.protocol import Size
from pycore.tests import golden, marks
from pycore.tests.running import run
from pycore.tests.serving import served
from pycore.upscaler import placer
from pycore.upscaler.look import Look
from pycore.upscaler.placer import Placing
from pycore.upscaler.plan import SPLIT, Fused, plan_for
from pycore.upscaler.upscaler import cells_of, grid

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
SHADERS = HERE.parents[1] / "web" / "shaders"
RUN = "([cases, texts]) => import('/golden.mjs').then((golden) => golden.run(cases, texts))"


async def run_in_chromium(
    cases: list[dict[str, Any]], texts: dict[str, str]
) -> list[dict[str, list[int]]] | None:
    executable = chromium()
    assert executable, "no Chromium here; `python3 build.py test` says what to do"
    with served(HERE) as url:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=executable, args=[*SOFTWARE_WEBGPU, *SANDBOX]
            )
            page = await browser.new_page()
            await page.goto(f"{url}golden.html")
            results = await page.evaluate(RUN, [cases, texts])
            await browser.close()
            return results


Results = dict[tuple[FrameKind, str, str], golden.Result]

NETS = {"base": (), "net": golden.TWO_BUFFERS, "fused": golden.TWO_BUFFERS}
EVERY_EDGE = ("odd size", "one pixel", "crop at the right", "more than one workgroup")
"""The cases that nets run here: SwiftShader is slow, and all of them run natively."""

CASES = [
    (kind, net, case)
    for kind in FrameKind
    for net in NETS
    for case in golden.CASES
    if net == "base" or ((net == "fused" or kind is FrameKind.TEXTURE) and case.name in EVERY_EDGE)
]


def described(kind: FrameKind, net: str, case: golden.Case) -> dict[str, Any]:
    """A case for golden.mjs: the plan with all sizes worked out."""
    fused = net == "fused"
    plan = plan_for(kind, "rgba8unorm", NETS[net], fused=Fused() if fused else SPLIT)
    size = Size(*case.crop[2:])
    cells = cells_of(size)
    look = Look(*case.crop, case.split, 0.0 if fused else case.sharpness).pack()
    textures = [
        (each.name, each.format, (size.width * each.scale, size.height * each.scale))
        for each in plan.surfaces
    ]
    textures.append(("canvas", "rgba8unorm", (2 * size.width, 2 * size.height)))
    height, width, _ = case.frame.shape
    return {
        "kind": str(kind),
        "width": width,
        "height": height,
        "pixels": list(case.frame.tobytes()),
        "uniforms": {"look": list(look), **{name: list(block) for name, block in plan.uniforms.items()}},
        "textures": [
            {"name": name, "format": format, "size": sides, "bytes": PIXEL_BYTES[format]}
            for name, format, sides in textures
        ],
        "buffers": [
            {"name": each.name, "size": cells.width * cells.height * each.cell_bytes} for each in plan.buffers
        ],
        "stages": [
            {
                "files": stage.files,
                "binds": stage.binds,
                "constants": dict(stage.constants),
                "grid": grid(stage, size),
            }
            for stage in plan.drawing(sharpened=not fused)
        ],
    }


def window_of(case: marks.MarkCase) -> np.ndarray:
    """A made-up upscaled window, (h, w, 4) uint8."""
    return golden.noise(2 * case.window.width, 2 * case.window.height)


def placed(case: marks.MarkCase) -> dict[str, Any]:
    """The last stage alone for golden.mjs: the frame is the upscaled window."""
    pixels = window_of(case)
    height, width, _ = pixels.shape
    line = None if case.mark is None else case.mark.line
    letters = bytes(4) if line is None else line.distances
    size = case.size
    return {
        "kind": str(FrameKind.TEXTURE),
        "width": width,
        "height": height,
        "pixels": list(pixels.tobytes()),
        "uniforms": {"place": list(Placing(case.crop, case.window, size, case.mark).pack())},
        "textures": [
            {"name": "canvas", "format": "rgba8unorm", "size": (size.width, size.height), "bytes": 4}
        ],
        "buffers": [{"name": "letters", "size": len(letters), "content": list(letters)}],
        "stages": [
            {
                "files": ("canvas_rgba8unorm", *placer.FILES),
                "binds": ("canvas", "place", "frame", "letters"),
                "constants": {},
                "grid": placer.grid(size),
            }
        ],
    }


@pytest.fixture(scope="module")
def results() -> tuple[Results, dict[str, np.ndarray]]:
    """All cases in one browser, for starting it takes longer than they do."""
    texts = {path.stem: path.read_text() for path in SHADERS.glob("*.wgsl")}
    given = [*(described(*each) for each in CASES), *(placed(each) for each in marks.CASES)]
    found = run(run_in_chromium(given, texts))
    if found is None:
        message = "this Chromium has no software WebGPU adapter"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    drawn = {
        (kind, net, case.name): golden.result(
            case.crop, {name: bytes(content) for name, content in each.items()}
        )
        for (kind, net, case), each in zip(CASES, found, strict=False)
    }
    canvases = {
        case.name: np.array(each["canvas"], np.uint8).reshape(case.size.height, case.size.width, 4)
        for case, each in zip(marks.CASES, found[len(CASES) :], strict=True)
    }
    return drawn, canvases


@pytest.mark.parametrize(("kind", "net", "case"), CASES, ids=[f"{k}-{n}-{c.name}" for k, n, c in CASES])
def test_shaders_match_the_reference(
    results: tuple[Results, Any], kind: FrameKind, net: str, case: golden.Case
) -> None:
    check = golden.assert_fused if net == "fused" else golden.assert_golden
    check(case, results[0][kind, net, case.name], NETS[net])


@pytest.mark.parametrize("case", marks.CASES, ids=lambda case: case.name)
def test_a_moving_crop_and_its_spotlight(
    results: tuple[Any, dict[str, np.ndarray]], case: marks.MarkCase
) -> None:
    canvas = results[1][case.name][..., :3] / 255
    np.testing.assert_allclose(canvas, marks.wanted(window_of(case)[..., :3] / 255, case), atol=0.6 / 255)
