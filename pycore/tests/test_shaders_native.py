"""Golden: every shader against numpy, through wgpu-native (naga)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pycore.backends.gpu import OffscreenTarget
from pycore.backends.native_gpu import WEB, NativeDevice, PixelFrame
from pycore.protocol import Size
from pycore.shaders import ShaderManager
from pycore.tests import golden, reference
from pycore.tests.native import native_device
from pycore.tests.running import run
from pycore.upscaler.kernels import defaults
from pycore.upscaler.look import Look
from pycore.upscaler.plan import SPLIT, Fused, plan_for
from pycore.upscaler.upscaler import Upscaler, cells_of
from pycore.upscaler.weights import Conv, parse

pytestmark = pytest.mark.gpu

SHIPPED = [
    case
    for case in golden.CASES
    if case.name in ("odd size", "one pixel", "more than one workgroup") or case.name.startswith("crop at")
]


async def draw(
    device: NativeDevice, case: golden.Case, net: Sequence[Conv], features: frozenset[str], fused: Fused
) -> golden.Result:
    assert features <= device.features
    target = OffscreenTarget(device)
    plan = plan_for(device.frame_kind, target.format, net, defaults(net, features), fused)
    upscaler = Upscaler(device, ShaderManager(device), plan)
    await upscaler.prepare()
    upscaler.show(Look(*case.crop, case.split, case.sharpness), target)
    height, width, _ = case.frame.shape
    device.submit(upscaler.steps(PixelFrame(Size(width, height), case.frame.tobytes())))
    read = {
        "source": await device.read_texture(upscaler.surface("source")),
        "canvas": await device.read_texture(target.texture),
    }
    cells = cells_of(Size(*case.crop[2:]))
    for each in plan.buffers:
        size = cells.width * cells.height * each.cell_bytes
        read[each.name] = await device.read_buffer(upscaler.buffer(each.name), size)
    return golden.result(case.crop, read)


def results(
    *cases: golden.Case,
    net: Sequence[Conv] = (),
    features: frozenset[str] = golden.KEPT["packed"],
    fused: Fused = SPLIT,
) -> list[golden.Result]:
    async def body() -> list[golden.Result]:
        async with native_device() as device:
            return [await draw(device, case, net, features, fused) for case in cases]

    return run(body())


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_shaders_match_the_reference(case: golden.Case) -> None:
    (got,) = results(case)
    golden.assert_golden(case, got)


@pytest.mark.parametrize("kept", golden.KEPT)
@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_a_net_matches_the_reference_layer_by_layer(case: golden.Case, kept: str) -> None:
    (got,) = results(case, net=golden.TWO_BUFFERS, features=golden.KEPT[kept])
    golden.assert_golden(case, got, golden.TWO_BUFFERS)


@pytest.mark.parametrize("kept", golden.KEPT)
@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_a_net_whose_ends_are_fused_draws_the_same(case: golden.Case, kept: str) -> None:
    plain = replace(case, sharpness=0.0)
    (got,) = results(plain, net=golden.TWO_BUFFERS, features=golden.KEPT[kept], fused=Fused())
    golden.assert_fused(plain, got, golden.TWO_BUFFERS)


def test_a_sharpened_look_is_drawn_by_two_stages() -> None:
    """Sharpening looks at a cell's neighbours, which other workgroups make."""
    sharp = golden.CASES[1]
    fused, split = (results(sharp, net=golden.TWO_BUFFERS, fused=fused)[0] for fused in (Fused(), SPLIT))
    assert np.abs(fused.canvas.astype(int) - split.canvas).max() <= 1  # see golden.assert_fused


@pytest.mark.parametrize("kept", golden.KEPT)
@pytest.mark.parametrize("name", ["s", "m", "l"])
@pytest.mark.parametrize("case", SHIPPED, ids=lambda c: c.name)
def test_the_nets_that_ship_are_what_they_were_trained_to_be(name: str, case: golden.Case, kept: str) -> None:
    """The whole net against its definition in PyTorch. Measured 1e-4 at most: activations are kept as halves
    (2e-4 of their size at each of up to eight layers), the residual itself is below a tenth."""
    torch = pytest.importorskip("torch")
    from server.training import nets, weights

    path = WEB / "models" / f"{name}.safetensors"
    (got,) = results(case, net=parse(path.read_bytes(), name), features=golden.KEPT[kept])
    with torch.no_grad():
        wanted = nets.upscale(weights.read(path), torch.from_numpy(got.source[None, None, ..., 0].copy()))
    np.testing.assert_allclose(got.luma, wanted[0, 0].clip(0, 1), atol=5e-4)


@pytest.mark.full
@pytest.mark.parametrize("name", ["s", "m", "l"])
def test_a_whole_frame_of_4k_is_what_pytorch_makes_of_it(name: str) -> None:
    """The largest video there is: its buffers are as large as WebGPU gives every device. Of 33 million pixels
    of noise S has nine that differ by more than 5e-4, by 8e-4 at most: a fifth of an 8-bit step."""
    torch = pytest.importorskip("torch")
    from server.training import nets, weights

    path = WEB / "models" / f"{name}.safetensors"
    case = golden.Case("4K", golden.noise(3840, 2160), (0, 0, 3840, 2160))
    (got,) = results(case, net=parse(path.read_bytes(), name), features=golden.KEPT["f16"])
    with torch.no_grad():
        wanted = nets.upscale(weights.read(path), torch.from_numpy(got.source[None, None, ..., 0].copy()))
    np.testing.assert_allclose(got.luma, wanted[0, 0].clip(0, 1), atol=1e-3)


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
