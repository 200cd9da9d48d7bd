"""Fine-tuning the restorer, small: clips are made the same again and lie on their truth, and a run writes
weights that load."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from server.gpu.models.basicvsr import BasicVSR, build
from server.gpu.models.state import read
from server.training.clip_pool import make_clips, sources
from server.training.footage import SCALE, FootageSpec, moving_clip
from server.training.luma import resize
from server.training.restorer import DEFAULT_RECIPE, read_recipe, train

SPEC = replace(read_recipe(DEFAULT_RECIPE).footage, frames=3, side=64, crf=(12, 14), noise_share=0.0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two labelled frames of football and one photograph, of blurred noise."""
    rng = np.random.default_rng(4)
    for name in ("football/images/a.jpg", "football/images/40cd38.jpg", "photos/p.jpg"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        small = rng.integers(30, 220, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(small).resize((640, 480), Image.Resampling.BICUBIC).save(path)
    labels = tmp_path / "data" / "football" / "labels"
    labels.mkdir()
    (labels / "a.txt").write_text("0 0.5 0.5 0.02 0.02\n2 0.3 0.4 0.05 0.2\n")
    return tmp_path / "data"


def test_players_are_told_from_the_ball(data: Path) -> None:
    players = {source.path.stem: source.players for source in sources(data)}
    assert players["a"] == ((173, 141, 211, 243),)
    assert players["40cd38"] == players["p"] == ()


def test_the_same_clips_again(data: Path) -> None:
    first, second, other = (make_clips(sources(data), 2, (0.8, 1.0), SPEC, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.low, second.low)
    np.testing.assert_array_equal(first.high, second.high)
    assert not np.array_equal(first.high, other.high)


@pytest.mark.parametrize("codec_share", [0.0, 1.0], ids=["H.264", "HEVC"])
def test_a_clip_lies_where_its_truth_does_and_keeps_its_colours(data: Path, codec_share: float) -> None:
    picture = Image.open(data / "photos" / "p.jpg")
    how = replace(SPEC, hevc_share=codec_share, kernels={"box": 1.0})
    low, high = moving_clip(picture, [], 0.8, how, np.random.default_rng(1))
    assert low.shape == (3, 64, 64, 3) and high.shape == (3, 256, 256, 3)
    assert not np.array_equal(high[0], high[2]), "nothing moves"
    for given, wanted in zip(low, high, strict=True):
        half = resize(wanted, 64, 64, "box").astype(int)
        assert np.abs(given.mean((0, 1)) - half.mean((0, 1))).max() < 1.5
        errors = {
            (y, x): np.abs(np.roll(given, (y, x), (0, 1)).astype(int) - half)[2:-2, 2:-2].mean()
            for y in (-1, 0, 1)
            for x in (-1, 0, 1)
        }
        assert min(errors, key=lambda place: errors[place]) == (0, 0)


def test_a_picture_smaller_than_the_window_is_enlarged(data: Path) -> None:
    picture = Image.open(data / "photos" / "p.jpg").resize((200, 150))
    low, high = moving_clip(picture, [], 0.5, SPEC, np.random.default_rng(1))
    assert high.shape[1] == SCALE * low.shape[1]
    assert (high.min(axis=(1, 2)) > 0).all(), "a border of black"


def test_a_run_writes_weights_that_load(data: Path, tmp_path: Path) -> None:
    shipped = read_recipe(DEFAULT_RECIPE)
    footage: FootageSpec = replace(SPEC, frames=2)
    recipe = replace(
        shipped, clips=2, validation=1, batch=1, steps=2, warmup=1, validate_on=("40cd38",), footage=footage
    )
    torch.manual_seed(0)
    start = BasicVSR(channels=8, blocks=1)
    before = {name: each.clone() for name, each in start.state_dict().items()}
    train(recipe, start, data, tmp_path / "out", None, torch.device("cpu"))
    made = build(read(tmp_path / "out" / "best.safetensors"))
    assert made.channels == 8 and made.blocks == 1
    assert not torch.equal(made.conv_last.weight, before["conv_last.weight"].half().float())
    figures = json.loads((tmp_path / "out" / "restorer.json").read_text())
    assert figures["step"] == 2 and figures["before"] > 0
    assert not list((tmp_path / "out").glob("*.part"))
