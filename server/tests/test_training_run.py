"""The recipe's run, small: tiles are made the same again, a run goes on where it stopped, and it learns."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from server.training import fit
from server.training.batches import Batches
from server.training.config import NetSpec, Recipe, Slice, Stage, read_recipe
from server.training.luma import resize
from server.training.pool import make_tiles
from server.training.train import DEFAULT_RECIPE, train
from server.training.weights import read

STAGE = Stage(steps=3, rate=1.0, robust_until=0.5, intra_share=0.5, kernels={"box": 1.0, "bicubic": 1.0})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pictures with edges and noise, in the folder "pictures"."""
    folder = tmp_path / "data" / "pictures"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    for name in ("a", "b"):
        small = rng.integers(30, 220, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(small).resize((240, 200), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return tmp_path / "data"


@pytest.fixture
def recipe() -> Recipe:
    tiles = Slice("pictures", "pictures", (3, 2), (0.9, 1.0))
    shipped = read_recipe(DEFAULT_RECIPE)
    return replace(
        shipped,
        degradation=replace(shipped.degradation, hevc_share=0.3),
        tile=64,
        patch=48,
        batch=2,
        warmup=1,
        stages=(STAGE, replace(STAGE, steps=2)),
        slices=(tiles,),
        validation=(replace(tiles, tiles=(2,)),),
        nets=(
            NetSpec("n", channels=8, layers=1, expand=16, rate=5e-3),
            NetSpec("p", channels=4, layers=0, expand=8),
        ),
    )


def test_the_same_tiles_again(data: Path, recipe: Recipe) -> None:
    first, second = (
        make_tiles(recipe.slices, 0, data, 64, recipe.degradation, seed=3, workers=1) for _ in range(2)
    )
    np.testing.assert_array_equal(first.low, second.low)
    np.testing.assert_array_equal(first.high, second.high)
    other = make_tiles(recipe.slices, 0, data, 64, recipe.degradation, seed=4, workers=1)
    assert not np.array_equal(first.high, other.high)


def test_a_tile_lies_where_its_truth_does(data: Path, recipe: Recipe) -> None:
    tiles = make_tiles(recipe.slices, 0, data, 64, recipe.judged, seed=3, workers=1)
    for low, high in zip(tiles.low, tiles.high, strict=True):
        half = resize(high, 64, 64, "box").astype(int)[8:-8, 8:-8]
        errors = {
            (y, x): np.abs(low[8 + y : 56 + y, 8 + x : 56 + x].astype(int) - half).mean()
            for y in (-1, 0, 1)
            for x in (-1, 0, 1)
        }
        assert min(errors, key=lambda place: errors[place]) == (0, 0)


def test_a_slice_without_pictures_is_named(data: Path, recipe: Recipe) -> None:
    empty = replace(recipe.slices[0], only=("nothing",))
    with pytest.raises(FileNotFoundError, match="slice 'pictures' finds no picture"):
        make_tiles((empty,), 0, data, 64, recipe.degradation, seed=3, workers=1)


def test_a_run_that_was_stopped_goes_on(
    data: Path,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    steps, learn = [0], fit.Learner.step

    def stop_after_four(self: fit.Learner) -> None:
        steps[0] += 1
        if steps[0] > 4:
            raise KeyboardInterrupt
        learn(self)

    with monkeypatch.context() as patched:
        patched.setattr(fit.Learner, "step", stop_after_four)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, data, tmp_path / "out", 1, torch.device("cpu"))
    figures = train(recipe, data, tmp_path / "out", 1, torch.device("cpu"))
    starts = re.findall(r"stage (\d) from step (\d+)", capsys.readouterr().out)
    assert starts == [("1", "0"), ("1", "2"), ("2", "0")]
    assert set(figures) == {"n", "p"}
    assert len(read(tmp_path / "out" / "n.safetensors")) == 3
    assert not list((tmp_path / "out").glob("*.part"))


def test_learning_brings_the_error_down(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(
        recipe, stages=(replace(STAGE, steps=300, robust_until=0.0),), nets=recipe.nets[:1], ema=0.9
    )
    figures = train(recipe, data, tmp_path / "out", 1, torch.device("cpu"))
    assert figures["n"]["pictures"] > 0


def test_a_run_goes_on_from_weights_that_shipped(data: Path, recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, data, tmp_path / "first", 1, torch.device("cpu"))
    frozen = replace(recipe, stages=(replace(STAGE, steps=1, rate=0.0),))
    train(frozen, data, tmp_path / "second", 1, torch.device("cpu"), start=tmp_path / "first")
    for name in ("n", "p"):
        before, after = (read(tmp_path / run / f"{name}.safetensors") for run in ("first", "second"))
        for old, new in zip(before, after, strict=True):
            torch.testing.assert_close(new.weight, old.weight, atol=2e-3, rtol=2e-3)
            torch.testing.assert_close(new.bias, old.bias, atol=1e-3, rtol=2e-3)


def test_a_step_that_overflowed_is_not_learned_from(data: Path, recipe: Recipe) -> None:
    tiles = make_tiles(recipe.slices, 0, data, 64, recipe.degradation, seed=3, workers=1)
    batches = Batches(tiles, 48, 2, 0.8, torch.device("cpu"))
    learner = fit.Learner(recipe.nets[0], recipe, STAGE, batches, torch.device("cpu"))
    batches.draw()
    learner.step()
    batches.residual.fill_(torch.inf)
    learner.step()
    assert all(bool(each.isfinite().all()) for each in learner.net.parameters())
