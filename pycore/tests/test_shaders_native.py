"""Golden: every shader against numpy, through wgpu-native (naga)."""

import numpy as np
import pytest

from pycore.backends.gpu import OffscreenTarget
from pycore.backends.native_gpu import NativeDevice, PixelFrame
from pycore.protocol import Size, Tier
from pycore.shaders import ShaderManager
from pycore.tests import golden, reference
from pycore.tests.native import native_device
from pycore.tests.running import run
from pycore.upscaler.look import Look
from pycore.upscaler.plan import plan_for
from pycore.upscaler.upscaler import Upscaler

pytestmark = pytest.mark.gpu


async def draw(device: NativeDevice, case: golden.Case) -> golden.Result:
    upscaler = Upscaler(device, ShaderManager(device), plan_for(Tier.BASE, device.frame_kind))
    target = OffscreenTarget(device)
    await upscaler.prepare(target.format)
    upscaler.show(Look(*case.crop, case.split, case.sharpness), target)
    height, width, _ = case.frame.shape
    device.submit(*upscaler.steps(PixelFrame(Size(width, height), case.frame.tobytes())))
    textures = upscaler.surface("source"), upscaler.surface("luma"), target.texture
    return golden.result(case.crop, *[await device.read_texture(texture) for texture in textures])


def results(*cases: golden.Case) -> list[golden.Result]:
    async def body() -> list[golden.Result]:
        async with native_device() as device:
            return [await draw(device, case) for case in cases]

    return run(body())


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_shaders_match_the_reference(case: golden.Case) -> None:
    (got,) = results(case)
    golden.assert_golden(case, got)


def test_a_centred_impulse_stays_centred() -> None:
    (got,) = results(golden.Case("", golden.impulse(15, 15, (7, 7)), (0, 0, 15, 15), sharpness=0.0))
    np.testing.assert_allclose(got.luma, got.luma[::-1], atol=1e-6)
    np.testing.assert_allclose(got.luma, got.luma[:, ::-1], atol=1e-6)
    peaks = np.argwhere(got.luma == got.luma.max())
    assert peaks.mean(0).tolist() == [14.5, 14.5]  # between the four output pixels of source pixel 7


def test_a_diagonal_edge_stays_on_its_diagonal() -> None:
    (got,) = results(golden.Case("", golden.diagonal(17), (0, 0, 17, 17), sharpness=0.0))
    np.testing.assert_allclose(got.luma, got.luma[::-1, ::-1].T, atol=1e-6)  # mirrored on the other diagonal


def test_the_crop_is_all_that_matters() -> None:
    """What lies beyond the crop must not bleed in: preview and export show the same pixels."""
    inner = golden.noise(12, 10)
    framed = golden.noise(30, 30, seed=2)
    framed[5:15, 8:20] = inner
    alone, within = results(golden.Case("", inner, (0, 0, 12, 10)), golden.Case("", framed, (8, 5, 12, 10)))
    np.testing.assert_array_equal(alone.canvas, within.canvas)


def test_sharpening_draws_no_halo() -> None:
    """Sharpened luma stays within each pixel's own neighbourhood."""
    frame = golden.diagonal(17)
    soft, sharp = results(
        golden.Case("", frame, (0, 0, 17, 17), sharpness=0.0),
        golden.Case("", frame, (0, 0, 17, 17), sharpness=1.0),
    )
    assert sharp.canvas.min() >= soft.canvas.min()
    assert sharp.canvas.max() <= soft.canvas.max()
    steepest = [np.abs(np.diff(each.canvas[16, :, 0].astype(int))).max() for each in (soft, sharp)]
    assert steepest[1] > steepest[0]


def test_better_than_bicubic_on_a_halved_picture() -> None:
    """The scaler chosen for tier 0 earns its place: a scene of waves and a slanted edge, halved by area,
    doubled again."""
    y, x = np.mgrid[0:64, 0:96] / 6
    truth = (
        0.5 + 0.15 * np.sin(x + 2.5 * y) + 0.1 * np.sin(3.7 * y - x) + 0.2 * np.tanh(4 * (x - 0.4 * y - 6))
    )
    small = np.rint(truth.reshape(32, 2, 48, 2).mean((1, 3)) * 255).astype(np.uint8)
    frame = np.full((32, 48, 4), 255, np.uint8)
    frame[..., :3] = small[..., None]
    (got,) = results(golden.Case("", frame, (0, 0, 48, 32)))
    inside = np.s_[8:-8, 8:-8]
    error = np.mean((got.canvas[inside][..., 0] / 255 - truth[inside]) ** 2)
    assert error < np.mean((reference.bicubic(small / 255)[inside] - truth[inside]) ** 2)
