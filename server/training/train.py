"""Trains the nets of a recipe side by side: `python -m server.training.train --data FOLDER --out FOLDER`.

FOLDER has a folder for each `folder` that the recipe's slices name (football, photos). Interrupted, the same
command goes on from its last checkpoint."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from server.training.batches import Batches, to_unit
from server.training.config import Recipe, read_recipe
from server.training.fit import Learner
from server.training.nets import collapse, lanczos, upscale
from server.training.pool import Tiles, make_tiles
from server.training.weights import read, write

DEFAULT_RECIPE = Path(__file__).with_name("upscaler.toml")
REPORTS = 8
"""Validations and checkpoints in a stage."""


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    workers: int | None,
    device: torch.device,
    start: Path | None = None,
) -> dict:
    """Trains all stages, checkpoints into `out`, goes on from a checkpoint that is there; the first stage
    begins with the weight files in `start`, if given. Returns the last validation figures: dB over Lanczos by
    net and validation slice."""
    out.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("high")
    checkpoint = out / "checkpoint.pt"
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True) if checkpoint.exists() else None
    first = saved["stage"] if saved else 0
    if saved and saved["step"] == recipe.stages[first].steps and first + 1 < len(recipe.stages):
        first += 1
    # All tiles before CUDA is first used: forked processes make them.
    pools = {i: _pool(recipe, i, data, workers) for i in range(first, len(recipe.stages))}
    judged = make_tiles(recipe.validation, 0, data, recipe.tile, recipe.judged, recipe.seed + 1, workers)
    figures: dict = {}
    for index, tiles in pools.items():
        stage = recipe.stages[index]
        batches = Batches(tiles, recipe.patch, recipe.batch, recipe.weight_power, device)
        learners = [Learner(spec, recipe, stage, batches, device) for spec in recipe.nets]
        step = saved["step"] if saved and saved["stage"] == index else 0
        for learner in learners:
            if saved:
                state = saved["nets"][learner.spec.name]
                learner.load(state) if step else learner.start_from(state)
            elif start is not None:
                learner.begin_from(read(start / f"{learner.spec.name}.safetensors"))
        torch.manual_seed(recipe.seed + index + step)
        print(f"{time.strftime('%X')} stage {index + 1} from step {step}: {len(tiles.low)} tiles", flush=True)
        draw = _captured(batches.draw) if device.type == "cuda" else batches.draw
        while step < stage.steps:
            draw()
            for learner in learners:
                learner.step()
            for learner in learners:
                learner.join()
            step += 1
            if step % 100 == 0 and device.type == "cuda":
                torch.cuda.synchronize()  # the queue of launches is finite
            if step % max(stage.steps // REPORTS, 1) == 0 or step == stage.steps:
                figures = _report(learners, judged, recipe, step)
                _save(checkpoint, learners, index, step)
        saved = {"stage": index, "step": step, "nets": {le.spec.name: le.state() for le in learners}}
    (out / "validation.json").write_text(json.dumps(figures, indent=1))
    return figures


def _pool(recipe: Recipe, index: int, data: Path, workers: int | None) -> Tiles:
    stage = recipe.stages[index]
    how = replace(recipe.degradation, kernels=stage.kernels, intra_share=stage.intra_share)
    return make_tiles(recipe.slices, index, data, recipe.tile, how, recipe.seed, workers)


def _report(learners: list[Learner], tiles: Tiles, recipe: Recipe, step: int) -> dict:
    figures = {}
    for learner in learners:
        gains = {recipe.validation[i].name: gain for i, gain in _gains(learner, tiles).items()}
        text = "  ".join(f"{name} {gain:+.3f}" for name, gain in gains.items())
        print(
            f"{time.strftime('%X')} {step:7d} {learner.spec.name:6s} loss {float(learner.loss):.5f}  {text}",
            flush=True,
        )
        figures[learner.spec.name] = {name: round(gain, 4) for name, gain in gains.items()}
    return figures


def _gains(learner: Learner, tiles: Tiles) -> dict[int, float]:
    """dB over Lanczos by slice number, the mean over that slice's tiles, of the averaged weights."""
    device = next(learner.net.parameters()).device
    convs = [conv.to(device) for conv in collapse(learner.average)]
    gains = np.zeros(len(tiles.low))
    with torch.no_grad():
        for start in range(0, len(gains), 32):
            part = slice(start, start + 32)
            low = to_unit(torch.from_numpy(tiles.low[part, None]).to(device))
            high = to_unit(torch.from_numpy(tiles.high[part, None]).to(device))
            errors = [
                (picture.clamp(0, 1) - high)[..., 16:-16, 16:-16].square().mean(dim=(1, 2, 3))
                for picture in (lanczos(low), upscale(convs, low))
            ]
            gains[part] = (10 * torch.log10(errors[0] / errors[1])).cpu().numpy()
    return {int(i): float(gains[tiles.slice_of == i].mean()) for i in np.unique(tiles.slice_of)}


def _save(path: Path, learners: list[Learner], stage: int, step: int) -> None:
    """The checkpoint and each net's collapsed weights; never a half-written file under its final name."""
    temporary = path.with_suffix(".part")
    torch.save(
        {"stage": stage, "step": step, "nets": {le.spec.name: le.state() for le in learners}}, temporary
    )
    temporary.replace(path)
    for learner in learners:
        write(
            path.with_name(f"{learner.spec.name}.safetensors"),
            collapse(learner.average),
            asdict(learner.spec),
        )


def _captured(draw: Callable[[], None]) -> Callable[[], None]:
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        draw()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        draw()
    return graph.replay


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_RECIPE, help="the recipe; default: upscaler.toml"
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="folder of weight files to go on from")
    parser.add_argument("--workers", type=int, help="processes that make tiles; default: one per core")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.device_count() else "cpu")
    train(read_recipe(args.config), args.data, args.out, args.workers, device, args.start)


if __name__ == "__main__":
    main()
