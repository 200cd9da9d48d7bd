"""The nets: what ships is what was trained, right at borders, on flat pictures and in half precision."""

import json
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from server.training.config import NetSpec, read_recipe
from server.training.nets import RESIDUAL_SCALE, TrainableNet, collapse, lanczos, upscale
from server.training.precision import layer_ranges
from server.training.train import DEFAULT_RECIPE
from server.training.weights import read, write

MODELS = Path(__file__).parents[2] / "web" / "models"
NETS = [
    spec
    for recipe in (DEFAULT_RECIPE.with_name("upscaler_s.toml"), DEFAULT_RECIPE)
    for spec in read_recipe(recipe).nets
]
SHIPPED = [spec.name for spec in NETS]
SPEC = NetSpec("test", channels=8, layers=2, expand=16)


def random_luma(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(1))


def test_the_plain_net_equals_the_net_that_was_trained() -> None:
    net, low = TrainableNet(SPEC), random_luma(40, 40)
    with torch.no_grad():
        trained = functional.pixel_shuffle(net(low, torch.float32), 2 * SPEC.block) * RESIDUAL_SCALE
        shipped = upscale(collapse(net), low) - lanczos(low)
    border = 2 * SPEC.block * (SPEC.layers + 2)
    torch.testing.assert_close(shipped[..., border:-border, border:-border], trained, atol=1e-6, rtol=0)


def test_lanczos_is_pillows_inside() -> None:
    low = random_luma(20, 30)
    picture = Image.fromarray(low[0, 0].numpy() * 255)
    expected = torch.from_numpy(np.array(picture.resize((60, 40), Image.Resampling.LANCZOS))) / 255
    torch.testing.assert_close(lanczos(low)[0, 0, 6:-6, 6:-6], expected[6:-6, 6:-6], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (17, 16), (16, 17)])
def test_any_size_is_doubled(height: int, width: int) -> None:
    result = upscale(collapse(TrainableNet(SPEC)), random_luma(height, width))
    assert result.shape == (1, 1, 2 * height, 2 * width)


def test_a_weight_file_gives_back_what_was_written(tmp_path: Path) -> None:
    convs = collapse(TrainableNet(SPEC))
    path = tmp_path / "net.safetensors"
    write(path, convs, {"block": 2, "channels": 8, "layers": 2})
    for mine, read_back in zip(convs, read(path), strict=True):
        torch.testing.assert_close(read_back.weight, mine.weight, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(read_back.bias, mine.bias, atol=1e-3, rtol=1e-3)
        assert (mine.slope is None) == (read_back.slope is None)


@pytest.mark.parametrize("spec", NETS, ids=SHIPPED)
def test_a_shipped_file_is_small_and_of_the_recipes_shape(spec: NetSpec) -> None:
    data = (MODELS / f"{spec.name}.safetensors").read_bytes()
    assert len(data) <= 150_000
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    assert header["__metadata__"]["channels"] == str(spec.channels)
    assert max(entry.get("data_offsets", [0])[-1] for entry in header.values()) == len(data) - 8 - length
    widths = spec.widths()
    shapes = [tuple(conv.weight.shape) for conv in read(MODELS / f"{spec.name}.safetensors")]
    assert shapes == [(b, a, 3, 3) for a, b in pairwise(widths)]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_net_leaves_flat_pictures_alone(name: str) -> None:
    convs = read(MODELS / f"{name}.safetensors")
    for level in (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0):
        flat = torch.full((1, 1, 24, 25), level)
        assert float((upscale(convs, flat) - level).abs().max()) < 0.5 / 255


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_net_does_not_shift_the_picture(name: str) -> None:
    convs = read(MODELS / f"{name}.safetensors")
    step = torch.full((1, 1, 32, 32), 0.25)
    step[..., 16:] = 0.75
    for picture in (step, step.mT):
        rising, falling = (
            float(upscale(convs, p)[0, 0, 16:48, 16:48].sum() / 32) for p in (picture, 1 - picture)
        )
        # Half an output pixel of shift would take a quarter from one and give it to the other.
        assert abs(rising - falling) < 0.05


@pytest.mark.parametrize("name", SHIPPED)
def test_half_precision_suffices_in_every_layer(name: str) -> None:
    convs = read(MODELS / f"{name}.safetensors")
    checkers = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float()[None, None]
    for picture in (random_luma(64, 64), checkers, functional.interpolate(random_luma(8, 8), (64, 64))):
        ranges = layer_ranges(convs, picture)
        assert max(layer.largest for layer in ranges) < 1000
        assert ranges[-1].error < 0.1 / 255
