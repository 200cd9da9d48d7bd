"""One golden test over both: a moving crop with its spotlight in the preview (WGSL) and in the export
(PyTorch) are the pixels that numpy says."""

import asyncio
from typing import Any

import numpy as np
import pytest

from pycore.backends.gpu import OffscreenTarget
from pycore.backends.native_gpu import PixelFrame
from pycore.shaders import ShaderManager
from pycore.spotlight.drawing import draw
from pycore.tests import golden
from pycore.tests.marks import CASES, PICTURE, MarkCase, wanted
from pycore.tests.native import native_device
from pycore.upscaler.look import Look
from pycore.upscaler.placer import Placer, Placing
from pycore.upscaler.plan import plan_for
from pycore.upscaler.upscaler import Upscaler

Array = np.ndarray
FRAME = golden.noise(PICTURE.width, PICTURE.height)


async def preview(case: MarkCase) -> tuple[Array, Array]:
    """The upscaled window and the canvas, 0 to 1."""
    async with native_device() as device:
        canvas, shaders = OffscreenTarget(device), ShaderManager(device)
        upscaler = Upscaler(device, shaders, plan_for(device.frame_kind, canvas.format))
        placer = Placer(device, shaders, canvas)
        await upscaler.prepare()
        await placer.prepare()
        window = case.window
        upscaler.show(Look(window.x, window.y, window.width, window.height), placer.window)
        placer.show(Placing(case.crop, window, case.size, case.mark))
        device.submit([*upscaler.steps(PixelFrame(PICTURE, FRAME.tobytes())), placer.step()])
        pictures: list[Array] = []
        for texture in (placer.window.texture, canvas.texture):
            pixels = np.frombuffer(await device.read_texture(texture), np.uint8)
            pictures.append(pixels.reshape(texture.size.height, texture.size.width, 4)[..., :3] / 255)
        assert device.take_error() is None
        return pictures[0], pictures[1]


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_preview(case: MarkCase) -> None:
    window, canvas = asyncio.run(preview(case))
    np.testing.assert_allclose(canvas, wanted(window, case), atol=0.6 / 255)
    if case.name == "nothing":
        assert np.ptp(canvas) > 0.5


def _tensor(picture: Array) -> Any:
    torch = pytest.importorskip("torch")
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_export(case: MarkCase) -> None:
    window = golden.noise(2 * case.window.width, 2 * case.window.height, 5)[..., :3] / 255
    tensor = _tensor(window)
    from server.gpu import placing, spotlight

    made = placing.placed(tensor, case.window, case.crop, case.size)
    if case.mark is not None:
        made = spotlight.draw(made, case.crop, case.mark)
    np.testing.assert_allclose(made[0].permute(1, 2, 0).numpy(), wanted(window, case), atol=2e-4)


def test_marks_are_seen() -> None:
    """Every style changes the picture, and only the dimming does so far from the player."""
    grey = np.full((160, 128, 3), 0.5)
    for case in CASES[2:8]:
        assert case.mark is not None
        changed = np.abs(draw(grey, case.crop, case.mark) - grey).max(axis=2)
        assert changed.max() > 0.1, case.name
        assert (changed[-1, -1] > 0.1) == (case.name == "dim"), case.name
