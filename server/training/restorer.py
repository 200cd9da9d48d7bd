"""Fine-tunes BasicVSR for footage as it arrives: `python -m server.training.restorer --help`.

The data folder: football/images, football/labels (YOLO: who runs on them), and photos.
The published weights assume clean bicubic input; here it comes out of a video encoder (see footage.py)."""

import argparse
import json
import math
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from server.gpu.models.basicvsr import BasicVSR, build
from server.gpu.models.state import read
from server.training.clip_pool import Clips, make_clips, sources
from server.training.footage import SCALE, FootageSpec

DEFAULT_RECIPE = Path(__file__).with_name("restorer.toml")
CLIP = 0.05
"""Largest norm of a step's gradient."""
REPORTS = 6


@dataclass(frozen=True)
class Recipe:
    """What a run depends on besides pictures and starting weights: `clips` are made; a batch is `batch`
    patches of `patch` input pixels a side. `flow_rate`: the flow net's share of the learning rate `rate`."""

    seed: int
    clips: int
    validation: int
    batch: int
    patch: int
    steps: int
    warmup: int
    rate: float
    flow_rate: float
    ema: float
    scale: tuple[float, float]
    exclude: tuple[str, ...]
    validate_on: tuple[str, ...]
    footage: FootageSpec


def read_recipe(path: Path) -> Recipe:
    """The recipe in that file. Raises TypeError naming a key that is unknown or missing."""
    table: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in tomllib.loads(path.read_text()).items()
    }
    footage: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in table.pop("footage").items()
    }
    return Recipe(footage=FootageSpec(**footage), **table)


class Restoring:
    """One net's learning on clips that lie on its device. On CUDA a step is one graph."""

    def __init__(self, net: BasicVSR, recipe: Recipe, clips: Clips, device: torch.device) -> None:
        self._recipe, self._device = recipe, device
        self.net = _laid_out(net, device)
        self.average = {name: p.detach().clone() for name, p in net.named_parameters()}
        self._low, self._high = (torch.from_numpy(each).to(device) for each in (clips.low, clips.high))
        self._rate, self._flow_rate = (torch.zeros((), device=device) for _ in range(2))
        self.loss = torch.zeros((), device=device)
        cuda = device.type == "cuda"
        flow = [p for name, p in net.named_parameters() if name.startswith("spynet")]
        rest = [p for name, p in net.named_parameters() if not name.startswith("spynet")]
        self._adam = torch.optim.Adam(
            [{"params": rest, "lr": self._rate}, {"params": flow, "lr": self._flow_rate}],
            betas=(0.9, 0.99),
            capturable=cuda,
            fused=cuda,
        )
        n, t, p = recipe.batch, recipe.footage.frames, recipe.patch
        self._low_patch = torch.empty(n, t, 3, p, p, device=device)
        self._high_patch = torch.empty(n, t, 3, SCALE * p, SCALE * p, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None

    def step(self, progress: float, warm: float) -> None:
        """One step at that share of the schedule; `warm` rises to 1 at its beginning."""
        rate = self._recipe.rate * warm * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        self._rate.fill_(rate)
        self._flow_rate.fill_(rate * self._recipe.flow_rate)
        self._draw()
        if self._device.type != "cuda":
            self._learn()
            return
        if self._graph is None:
            self._graph = self._captured()
        self._graph.replay()

    def _captured(self) -> torch.cuda.CUDAGraph:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                self._learn()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            self._learn()
        return graph

    def _draw(self) -> None:
        """Fills the patches: random clip, place, flips, transposition and direction of time."""
        recipe = self._recipe
        side = self._low.shape[2]
        for index in range(recipe.batch):
            pick = int(torch.randint(len(self._low), ()))
            y, x = (int(torch.randint(side - recipe.patch + 1, ())) for _ in range(2))
            turns = [bool(torch.rand(()) < 0.5) for _ in range(4)]
            for source, target, scale in (
                (self._low, self._low_patch, 1),
                (self._high, self._high_patch, SCALE),
            ):
                p = recipe.patch * scale
                cut = source[pick, :, y * scale : y * scale + p, x * scale : x * scale + p]
                cut = cut.permute(0, 3, 1, 2).float() / 255
                dims = [dim for dim, turn in zip((0, 2, 3), turns, strict=False) if turn]
                cut = cut.flip(dims) if dims else cut
                target[index] = cut.mT if turns[3] else cut

    def _learn(self) -> None:
        with torch.autocast(self._device.type, torch.float16, enabled=self._device.type == "cuda"):
            made = self.net(self._low_patch)
        loss = ((made.float() - self._high_patch).square() + 1e-6).sqrt()
        self.loss.copy_(loss.detach().mean())
        # A sum keeps half-precision gradients in range; they are made those of the mean afterwards.
        shrink = 512.0
        (loss.sum() / shrink).backward()
        gradients = [p.grad for p in self.net.parameters() if p.grad is not None]
        unit = shrink / loss.numel()
        norm = torch.stack([g.norm() for g in gradients]).norm() * unit
        factor = torch.where(norm.isfinite(), (CLIP / (norm + 1e-9)).clamp(max=1) * unit, 0.0)
        for gradient in gradients:
            gradient.nan_to_num_(0.0, 0.0, 0.0).mul_(factor)
        self._adam.step()
        self._adam.zero_grad(set_to_none=False)
        with torch.no_grad():
            for average, parameter in zip(self.average.values(), self.net.parameters(), strict=True):
                average.lerp_(parameter, 1 - self._recipe.ema)


@torch.no_grad()
def luma_psnr(net: BasicVSR, clips: Clips, device: torch.device) -> float:
    """Mean over clips of the Y-PSNR in dB (BT.709, a border of 8 left out)."""
    weights = torch.tensor([0.2126, 0.7152, 0.0722], device=device).view(3, 1, 1) * (219 / 255)
    total = 0.0
    for low, high in zip(clips.low, clips.high, strict=True):
        given, wanted = (
            torch.from_numpy(each).to(device).permute(0, 3, 1, 2).float() / 255 for each in (low, high)
        )
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            made = net(given[None])[0].float().clamp(0, 1)
        wrong = ((made - wanted) * weights).sum(1)[..., 8:-8, 8:-8]
        total += -10 * math.log10(float(wrong.square().mean()))
    return total / len(clips.low)


def train(
    recipe: Recipe, start: BasicVSR, data: Path, out: Path, minutes: float | None, device: torch.device
) -> None:
    """Fine-tunes `start`; writes `best.safetensors` (float16) and validation.json at every report. With
    `minutes` the recipe's steps are replaced by what fits into that time, data included."""
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    pictures = sources(data)
    learn = [p for p in pictures if not p.path.name.startswith(recipe.exclude + recipe.validate_on)]
    judge = [p for p in pictures if p.path.name.startswith(recipe.validate_on)]
    clips = make_clips(learn, recipe.clips, recipe.scale, recipe.footage, recipe.seed)
    judged = make_clips(judge, recipe.validation, recipe.scale, recipe.footage, recipe.seed + 1)
    print(f"{time.strftime('%X')} {len(clips.low)} clips of {len(learn)} pictures", flush=True)
    torch.manual_seed(recipe.seed)
    torch.backends.cudnn.benchmark = True
    restoring = Restoring(start, recipe, clips, device)
    before = luma_psnr(start, judged, device)
    print(f"{time.strftime('%X')} published weights: {before:.3f} dB", flush=True)
    steps, step, timed = recipe.steps, 0, 0.0
    while step < steps:
        restoring.step(step / steps, min((step + 1) / recipe.warmup, 1.0))
        step += 1
        if device.type == "cuda" and step % 20 == 0:
            torch.cuda.synchronize()
        if minutes is not None and step == 20:
            timed = time.monotonic()
        if minutes is not None and step == 60:
            each = (time.monotonic() - timed) / 40
            steps = 60 + int((minutes * 60 - (time.monotonic() - began) - 20) / each)
            print(f"{time.strftime('%X')} {each * 1000:.0f} ms a step, {steps} steps", flush=True)
        if step % max(steps // REPORTS, 60) == 0 or step == steps:
            _report(restoring, judged, out, before, step, device)


def _report(
    restoring: Restoring, judged: Clips, out: Path, before: float, step: int, device: torch.device
) -> None:
    learning = restoring.net
    net = _laid_out(BasicVSR(learning.channels, learning.blocks), device)
    net.load_state_dict(learning.state_dict() | restoring.average)
    after = luma_psnr(net, judged, device)
    gain = f"{after:.3f} dB ({after - before:+.3f})"
    print(f"{time.strftime('%X')} {step:6d} loss {float(restoring.loss):.5f}  {gain}", flush=True)
    halves = {name: tensor.half().contiguous().cpu() for name, tensor in net.state_dict().items()}
    save_file(halves, out / "best.part", {"steps": str(step)})
    (out / "best.part").replace(out / "best.safetensors")
    (out / "restorer.json").write_text(json.dumps({"step": step, "before": before, "after": after}))


def _laid_out(net: BasicVSR, device: torch.device) -> BasicVSR:
    """On the device, in the layout that its convolutions like best."""
    return torch.nn.utils.convert_conv2d_weight_memory_format(net.to(device), torch.channels_last)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_RECIPE, help="the recipe; default: restorer.toml"
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--weights", type=Path, required=True, help="the published BasicVSR to start from (.pth)"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="train as many steps as fit, not the recipe's number")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.device_count() else "cpu")
    net = build(read(args.weights))
    train(read_recipe(args.config), net, args.data, args.out, args.minutes, device)


if __name__ == "__main__":
    main()
