import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pycore.protocol import ModelName, ReelError
from server.gpu.models import ncnn_weights, registry
from server.gpu.models.descriptor import PERCEPTUAL, QUICK, available, descriptor
from server.gpu.models.span import Span
from server.gpu.models.state import WeightsError
from server.gpu.tiles import tiles
from server.tests import clips

CPU = torch.device("cpu")


def quick(picture: np.ndarray) -> np.ndarray:
    """uint8 RGB (h, w, 3) -> float32 (4h, 4w, 3), 0 to 255."""
    net = registry.load(QUICK, CPU)
    assert isinstance(net, registry.FrameNet)
    with torch.inference_mode():
        made = net.frame(torch.from_numpy(picture))
    return made[0].permute(1, 2, 0).numpy() * 255


def test_span_computes_what_ncnns_graph_does() -> None:
    """Reference: the .param graph itself, converted to ONNX and run by onnxruntime 1.32 on the CPU."""
    channel, row, column = np.meshgrid(np.arange(3), np.arange(10), np.arange(12), indexing="ij")
    picture = (((row // 2) * 7 + (column // 3) * 13 + channel * 29) % 32 / 31).astype(np.float32)
    folder = registry.weights_folder()
    net = Span()
    net.load(ncnn_weights.read(*(folder / name for name in QUICK.weights)))
    with torch.inference_mode():
        made = net(torch.from_numpy(picture)[None])[0].numpy()
    assert made.shape == (3, 40, 48)
    assert made.mean((1, 2)) == pytest.approx([0.460765, 0.517135, 0.470935], abs=1e-5)
    places = [(0, 0, 0), (0, 17, 23), (1, 20, 9), (1, 39, 47), (2, 5, 40), (2, 30, 30)]
    values = [0.036350, 0.517644, 0.151694, 0.088716, 0.025632, 0.299831]
    assert [made[place] for place in places] == pytest.approx(values, abs=1e-4)


def test_weights_are_for_rgb() -> None:
    """DIV2K's mean colour, with which SPAN was trained, is reddish: red first."""
    folder = registry.weights_folder()
    weights = ncnn_weights.read(folder / "spanx4_ch48.param", folder / "spanx4_ch48.bin")
    (mean,) = weights.constants.values()
    assert mean.ravel() == pytest.approx([0.4488, 0.4371, 0.4040], abs=1e-6)


def test_quick_beats_bicubic_on_real_frames() -> None:
    for frame in clips.demo_frames(1, 256):
        small = Image.fromarray(frame).resize((64, 64), Image.Resampling.BICUBIC)
        bicubic = np.asarray(small.resize((256, 256), Image.Resampling.BICUBIC))
        made = quick(np.array(small)).clip(0, 255)
        assert clips.psnr_y(made, frame) > clips.psnr_y(bicubic, frame) + 0.5


def test_tiles_show_no_seams() -> None:
    frame = clips.demo_frames(1, 256)[0][:100, :120]
    whole = quick(frame)
    made = np.full_like(whole, np.nan)
    cut = tiles(120, 100, 96 * 96, QUICK.radius + 1)
    assert len(cut) > 4
    for tile in cut:
        part = quick(np.ascontiguousarray(frame[tile.top : tile.bottom, tile.left : tile.right]))
        inner = np.s_[
            (tile.inner_top - tile.top) * 4 : (tile.inner_bottom - tile.top) * 4,
            (tile.inner_left - tile.left) * 4 : (tile.inner_right - tile.left) * 4,
        ]
        made[tile.inner_top * 4 : tile.inner_bottom * 4, tile.inner_left * 4 : tile.inner_right * 4] = part[
            inner
        ]
    assert np.abs(made - whole).max() < 0.01


def test_the_declared_radius_is_the_nets() -> None:
    picture = np.full((64, 64, 3), 120, np.uint8)
    touched = picture.copy()
    touched[32, 32] = (255, 0, 90)
    changed = np.argwhere(np.abs(quick(touched) - quick(picture)).max(2) > 0) // 4
    assert np.abs(changed - 32).max() == QUICK.radius


@pytest.mark.parametrize(
    ("width", "height", "limit"), [(1, 1, 100), (300, 200, 60_000), (301, 199, 9000), (50, 4000, 9000)]
)
def test_tiles_cover_the_picture_once(width: int, height: int, limit: int) -> None:
    covered = np.zeros((height, width), int)
    for tile in tiles(width, height, limit, 22):
        covered[tile.inner_top : tile.inner_bottom, tile.inner_left : tile.inner_right] += 1
        assert (tile.right - tile.left) * (tile.bottom - tile.top) <= limit * 1.1
        assert tile.left == max(tile.inner_left - 22, 0) or (tile.left, tile.right) == (0, width)
        assert tile.bottom == min(tile.inner_bottom + 22, height)
    assert (covered == 1).all()


@pytest.mark.parametrize(
    ("fps", "frames"), [(8, 8), (15, 16), (23.976, 32), (25, 32), (30, 32), (50, 64), (59.94, 64), (120, 128)]
)
def test_windows_last_one_to_two_seconds(fps: float, frames: int) -> None:
    assert QUICK.window(fps) == frames
    assert 1 <= frames / fps < 2


def test_models_on_offer() -> None:
    assert [each.name for each in available()] == [each for each in ModelName if each != ModelName.OWN]
    assert descriptor("quick") is QUICK
    with pytest.raises(ReelError, match="no model “nonsense”") as caught:
        descriptor("nonsense")
    assert caught.value.problem.code == "model.unknown"


@pytest.fixture
def copy(tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the weights to damage."""
    for name in QUICK.weights:
        shutil.copy(registry.weights_folder() / name, tmp_path / name)
    return tmp_path / QUICK.weights[0], tmp_path / QUICK.weights[1]


def test_weights_too_short(copy: tuple[Path, Path]) -> None:
    copy[1].write_bytes(copy[1].read_bytes()[:-4])
    with pytest.raises(WeightsError, match=r"ends within layer /upsampler"):
        ncnn_weights.read(*copy)


def test_weights_too_long(copy: tuple[Path, Path]) -> None:
    copy[1].write_bytes(copy[1].read_bytes() + bytes(4))
    with pytest.raises(WeightsError, match="has 4 bytes more"):
        ncnn_weights.read(*copy)


def test_weights_of_another_storage(copy: tuple[Path, Path]) -> None:
    data = bytearray(copy[1].read_bytes())
    data[12:16] = b"\x01\x02\x03\x04"  # the first convolution's flag, behind the mean colour
    copy[1].write_bytes(data)
    with pytest.raises(WeightsError, match="storage flag 0x04030201"):
        ncnn_weights.read(*copy)


def test_weights_that_are_no_numbers(copy: tuple[Path, Path]) -> None:
    data = bytearray(copy[1].read_bytes())
    data[16:18] = b"\x00\x7e"
    copy[1].write_bytes(data)
    with pytest.raises(WeightsError, match="not finite"):
        ncnn_weights.read(*copy)


def test_another_graph(copy: tuple[Path, Path]) -> None:
    copy[0].write_text(copy[0].read_text().replace("Swish", "Mish "))
    with pytest.raises(WeightsError, match="is a Mish"):
        ncnn_weights.read(*copy)


def test_another_nets_shape(copy: tuple[Path, Path]) -> None:
    with pytest.raises(WeightsError, match=r"SPAN needs \(52, 3, 3, 3\)"):
        Span(channels=52).load(ncnn_weights.read(*copy))


def test_missing_and_damaged_weights_say_what_to_do(
    copy: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELBALLERS_WEIGHTS", str(copy[0].parent))
    monkeypatch.setattr(registry, "_loaded", {})
    copy[1].write_bytes(copy[1].read_bytes()[:-4])
    with pytest.raises(ReelError, match=r"damaged.*build\.py build"):
        registry.load(QUICK, CPU)
    copy[1].unlink()
    with pytest.raises(ReelError, match=r"missing.*build\.py build"):
        registry.load(QUICK, CPU)


# Weights that are fetched when they are first used


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the weights of `perceptual` are looked for, and are not."""
    monkeypatch.delenv("REELBALLERS_WEIGHTS", raising=False)
    monkeypatch.setattr(registry, "weights_folder", lambda: tmp_path)
    monkeypatch.setattr(registry, "_loaded", {})
    return tmp_path


def test_they_are_fetched_by_the_manifests_name(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    there = [Path(".cache/assets/weights") / name for name in PERCEPTUAL.weights]

    def run(call: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(call)
        for path in there:
            shutil.copy(clips.ROOT / path, away)
        return subprocess.CompletedProcess(call, 0, "", "")

    monkeypatch.setattr(registry.subprocess, "run", run)
    registry.load(PERCEPTUAL, CPU)
    registry.release(PERCEPTUAL, CPU)
    registry.load(PERCEPTUAL, CPU)
    assert [call[1:] for call in calls] == [["-m", "deploy.tooling.fetch", "Real-ESRGAN x4plus"]]


def test_a_fetch_that_fails_is_told_and_may_be_tried_again(
    away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real fetcher, which knows no such asset."""
    with pytest.raises(ReelError, match="The manifest names no such thing") as caught:
        registry.load(replace(PERCEPTUAL, asset="such thing"), CPU)
    assert (caught.value.problem.code, caught.value.problem.status) == ("model.weights", 503)
