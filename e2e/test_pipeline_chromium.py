"""The preview pipeline in real Chromium, driven by Python in a worker, without page or server: the browser's
GPU backend keeps its contract, and what is on the canvas is what the numpy reference says."""

import io
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from pycore.tests import golden, reference
from pycore.tests.gpu_contract import CONTRACT
from pycore.tests.serving import served
from pycore.upscaler.weights import Conv, parse

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[1]
FRAME = golden.noise(40, 30)
CROP = (3, 6, 17, 13)
BOOT_MS = 180_000
"""Python's boot on two busy cores; a limit against hanging, not a bar."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    dist = ROOT / "dist"
    assert (dist / "pyodide").is_dir(), "dist/ is not built: python3 build.py build"
    with served(dist, harness=ROOT / "e2e" / "pipeline", pycore_tests=ROOT / "pycore" / "tests") as url:
        yield url


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_page()
    page.set_default_timeout(BOOT_MS)
    page.goto(f"{address}harness/index.html")
    page.locator("html[data-ready]").wait_for()
    return page


@pytest.fixture(scope="module")
def page(webgpu_browser: Browser, address: str) -> Iterator[Page]:
    """A page whose worker has Python; booting it takes longer than all tests."""
    page = opened(webgpu_browser, address)
    yield page
    page.close()


def ask(page: Page, name: str, argument: Any = None) -> Any:
    return page.evaluate("([name, argument]) => globalThis.ask(name, argument)", [name, argument])


def case(
    *crops: tuple[int, int, int, int],
    read: bool,
    split: float = 0.0,
    sharpness: float = 0.4,
    tier: str = "",
) -> dict[str, Any]:
    height, width, _ = FRAME.shape
    return {
        "width": width,
        "height": height,
        "pixels": b64encode(FRAME.tobytes()).decode(),
        "crops": crops,
        "read": read,
        "split": split,
        "sharpness": sharpness,
        "tier": tier,
    }


def assert_shows(
    picture: np.ndarray,
    crop: tuple[int, int, int, int],
    split: float,
    sharpness: float,
    net: Sequence[Conv] = (),
) -> None:
    wanted = reference.picture(FRAME, crop, split, sharpness, net).astype(int)
    assert picture.shape == wanted.shape
    # One for our rounding, one for the browser's on the frame's way.
    assert np.abs(picture.astype(int) - wanted).max() <= 2


@pytest.fixture(scope="module")
def outcome(page: Page) -> dict[str, str]:
    return ask(page, "contract")


@pytest.mark.parametrize("term", [term.__name__ for term in CONTRACT])
def test_the_browser_backend_keeps_the_contract(outcome: dict[str, str], term: str) -> None:
    assert not outcome[term], outcome[term]


def test_a_software_adapter_counts_only_when_asked_for(page: Page) -> None:
    plain = ask(page, "detection", False)
    assert (plain["level"], plain["software"], plain["device"]) == ("none", True, False)
    forced = ask(page, "detection", True)
    assert (forced["level"], forced["tier"], forced["device"]) == ("webgpu-full", "base", True)
    assert forced["architecture"] == "swiftshader"


def test_without_an_adapter_there_is_none(plain_browser: Browser, address: str) -> None:
    page = opened(plain_browser, address)
    found = ask(page, "detection", False)
    assert (found["level"], found["fallback"], found["device"]) == ("none", "runpod", False)
    assert "GPU" in found["reason"]
    page.close()


@pytest.mark.parametrize(("split", "sharpness"), [(0.0, 0.4), (0.37, 1.0), (1.0, 0.0)])
def test_a_video_frame_is_drawn_as_the_reference_says(page: Page, split: float, sharpness: float) -> None:
    answer = ask(page, "draw", case(CROP, read=True, split=split, sharpness=sharpness))
    assert answer["kind"] == "external"
    (shown,) = answer["shown"]
    assert shown["presented"]
    assert shown["closed"]
    picture = np.frombuffer(b64decode(answer["pixels"]), np.uint8).reshape(26, 34, 4)
    assert_shows(picture[..., :3], CROP, split, sharpness)


def test_a_video_frame_is_drawn_with_a_net(page: Page) -> None:
    answer = ask(page, "draw", case(CROP, read=True, tier="S"))
    picture = np.frombuffer(b64decode(answer["pixels"]), np.uint8).reshape(26, 34, 4)
    net = parse((ROOT / "web" / "models" / "s.safetensors").read_bytes(), "s")
    assert_shows(picture[..., :3], CROP, 0.0, 0.0, net)  # which 0.4 means under a net


def test_every_kernel_is_right_by_this_compiler_too(page: Page) -> None:
    right, wanted = ask(page, "kernels")
    assert right == wanted


def test_a_video_has_the_colours_that_the_browser_gives_it(page: Page) -> None:
    """What drawImage makes of a decoder's YUV frame is the source that the reference starts from."""
    width, height = 24, 16
    luma = np.random.default_rng(3).integers(16, 236, (height, width), np.uint8)
    blue, red = np.full((2, height // 2, width // 2), [[[90]], [[170]]], np.uint8)
    blue[:, 6:], red[:, 6:] = 160, 100
    planes = b64encode(luma.tobytes() + blue.tobytes() + red.tobytes()).decode()
    answer = ask(page, "draw_video", {"width": width, "height": height, "planes": planes})
    drawn = np.frombuffer(b64decode(answer["browsers"]), np.uint8).reshape(height, width, 4)
    ours = np.frombuffer(b64decode(answer["ours"]), np.uint8).reshape(2 * height, 2 * width, 4)
    wanted = reference.picture(drawn, (0, 0, width, height)).astype(int)
    away = np.s_[
        :, [*range(20), *range(28, 48)]
    ]  # from the edge in the colours, which browsers enlarge in many ways
    assert np.abs(ours[..., :3] - wanted)[away].max() <= 2
    assert np.ptp(ours[..., 0]) > 100


MATRICES = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114)}
"""Red's and blue's share of luma, by WebCodecs' names; smpte170m is BT.601's."""

PATCHES = ((180, 128, 128), (120, 110, 150), (100, 140, 110), (150, 120, 140))
"""Y, Cb, Cr in 8 bits, whose colours lie inside of RGB by both matrices and ranges."""


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("tier", ["", "S"])
def test_flat_patches_have_the_colours_of_the_source(page: Page, matrix: str, full: bool, tier: str) -> None:
    side, patches = 16, np.array(PATCHES)
    luma, blue, red = (
        np.repeat(np.repeat(patches[None, :, c], size, 0), size, 1).astype(np.uint8)
        for c, size in ((0, side), (1, side // 2), (2, side // 2))
    )
    case = {
        "width": side * len(patches),
        "height": side,
        "planes": b64encode(luma.tobytes() + blue.tobytes() + red.tobytes()).decode(),
        "matrix": matrix,
        "full": full,
        "tier": tier,
    }
    answer = ask(page, "draw_video", case)
    ours = np.frombuffer(b64decode(answer["ours"]), np.uint8).reshape(2 * side, -1, 4)[..., :3]
    share_red, share_blue = MATRICES[matrix]
    y, cb, cr = (patches - [0 if full else 16, 128, 128]).T / (
        255 if full else np.array([[219], [224], [224]])
    )
    r, b = y + 2 * (1 - share_red) * cr, y + 2 * (1 - share_blue) * cb
    g = (y - share_red * r - share_blue * b) / (1 - share_red - share_blue)
    for index, wanted in enumerate(255 * np.stack([r, g, b], 1)):
        inner = ours[12:20, 2 * side * index + 12 : 2 * side * index + 20].astype(float)
        assert np.abs(inner - wanted).max() <= 1.0 + 0.5  # and half a step, for the pictures are of 8 bits


@pytest.mark.parametrize(
    "frames", [64, pytest.param(10_000, marks=[pytest.mark.full, pytest.mark.timeout(3600)])]
)
def test_frames_leave_nothing_behind(page: Page, frames: int) -> None:
    """Crops move and change their size meanwhile."""
    page.set_default_timeout(3_600_000)
    early, late = ask(page, "play", {"frames": frames})
    assert (late["textures"], late["buffers"]) == (early["textures"], early["buffers"])
    assert late["objects"] - early["objects"] < 200  # caches; nothing that grows with the frames
    assert late["wasm"] - early["wasm"] <= 4 << 20


def test_the_pages_canvas_shows_it(page: Page) -> None:
    """The crop changes its size on the way, and the canvas with it."""
    answer = ask(page, "draw", case((0, 0, 9, 8), CROP, read=False, split=0.5))
    assert [(each["width"], each["height"]) for each in answer["shown"]] == [(18, 16), (34, 26)]
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    screenshot = Image.open(io.BytesIO(page.locator("canvas").screenshot())).convert("RGB")
    assert_shows(np.asarray(screenshot), CROP, 0.5, 0.4)
