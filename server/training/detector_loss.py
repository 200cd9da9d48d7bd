"""What a detector is taught, and how wrong it is."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pycore.tracking.decoding import BALL, PERSON, STRIDE

KINDS = (PERSON, BALL)
SPREAD = 0.1
"""Standard deviation of the heat around a centre, as a share of the box."""
NARROWEST = 0.5
"""Its least, in cells."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Objects of a batch. boxes: (M, 4) left, top, right, bottom in input pixels; kinds (M,); owner (M,):
    which picture; keep (M,): False for those about which the net shall not learn anything."""

    boxes: Tensor
    kinds: Tensor
    owner: Tensor
    keep: Tensor


@dataclass(frozen=True, eq=False)
class Targets:
    """heat: (n, 2, h, w), 1 at centres; counts: (n, 2, h, w), 0 where nothing shall be learned. cells (K, 3):
    picture, row, column of cells that learn a box; wanted (K, 4) distances in input pixels; weights (K,);
    kinds (K,)."""

    heat: Tensor
    counts: Tensor
    cells: Tensor
    wanted: Tensor
    weights: Tensor
    kinds: Tensor


def targets(truth: Truth, pictures: int, height: int, width: int) -> Targets:
    """What the net should say about a batch of `pictures` with heat maps of that size."""
    device = truth.boxes.device
    centre = (truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2 / STRIDE
    size = (truth.boxes[:, 2:] - truth.boxes[:, :2]) / STRIDE
    limit = torch.tensor([width, height], device=device) - 1
    cell = torch.minimum(centre.floor().clamp(min=0), limit)
    sigma = (SPREAD * size).clamp(min=NARROWEST)
    across = torch.arange(width, device=device) - cell[:, :1]
    down = torch.arange(height, device=device) - cell[:, 1:]
    bump = torch.exp(
        -((across / sigma[:, :1]) ** 2)[:, None, :] / 2 - ((down / sigma[:, 1:]) ** 2)[:, :, None] / 2
    )
    slot = truth.owner * len(KINDS) + truth.kinds
    heat = torch.zeros(pictures * len(KINDS), height, width, device=device)
    heat.index_reduce_(0, slot, bump * truth.keep[:, None, None], "amax")
    # Cells of what is not to be learned: inside its box, for its class.
    inside = (across.abs() <= size[:, :1] / 2 + 1)[:, None, :] & (down.abs() <= size[:, 1:] / 2 + 1)[
        :, :, None
    ]
    hidden = torch.zeros_like(heat)
    hidden.index_reduce_(0, slot, (inside & ~truth.keep[:, None, None]).float(), "amax")
    counts = torch.where(heat > 0.3, torch.ones_like(hidden), 1 - hidden)
    shape = (pictures, len(KINDS), height, width)
    # Boxes are learned at the centre's cell and around it, as far as the heat goes.
    steps = torch.tensor([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)], device=device)
    around = cell[:, None] + steps
    weights = torch.exp(-((steps / sigma[:, None]) ** 2).sum(dim=2) / 2) * truth.keep[:, None]
    weights = weights * ((around >= 0) & (around <= limit)).all(dim=2)
    around = torch.minimum(around.clamp(min=0), limit)
    middle = (around + 0.5) * STRIDE
    wanted = torch.cat((middle - truth.boxes[:, None, :2], truth.boxes[:, None, 2:] - middle), dim=2)
    weights = weights * (wanted > 0.25).all(dim=2)
    many = steps.shape[0]
    cells = torch.cat((truth.owner[:, None, None].expand(-1, many, 1), around.long().flip(2)), dim=2)
    return Targets(
        heat.view(shape), counts.view(shape), cells.reshape(-1, 3), wanted.reshape(-1, 4),
        weights.reshape(-1), truth.kinds[:, None].expand(-1, many).reshape(-1),
    )  # fmt: skip


def loss(logits: Tensor, logs: Tensor, aim: Targets) -> Tensor:
    """Penalty-reduced focal loss of heat (CenterNet) and GIoU of boxes, each class by its own number of
    objects. logits and logs are `Detector.raw`'s."""
    logits = logits.float()
    probability = torch.sigmoid(logits)
    centres = aim.heat >= 1
    missed = (1 - probability) ** 2 * functional.logsigmoid(logits) * centres
    alarmed = (1 - aim.heat) ** 4 * probability**2 * functional.logsigmoid(-logits) * ~centres * aim.counts
    objects = centres.sum(dim=(0, 2, 3)).clamp(min=1)
    heat = (-(missed + alarmed).sum(dim=(0, 2, 3)) / objects).sum()
    picture, row, column = aim.cells.unbind(1)
    got = torch.exp(logs.float()[picture, :, row, column].clamp(max=8))
    wrong = 1 - _giou(got, aim.wanted)
    wrong = wrong + 0.2 * (got.clamp(min=0.1).log() - aim.wanted.clamp(min=0.1).log()).abs().mean(dim=1)
    boxes = logits.new_zeros(())
    for kind in KINDS:
        weight = aim.weights * (aim.kinds == kind)
        boxes = boxes + (wrong * weight).sum() / weight.sum().clamp(min=1)
    return heat + 2 * boxes


def _giou(first: Tensor, second: Tensor) -> Tensor:
    """(K,) of boxes given as distances (K, 4) from one common point."""
    smaller, larger = torch.minimum(first, second), torch.maximum(first, second)
    inner = (smaller[:, 0] + smaller[:, 2]).clamp(min=0) * (smaller[:, 1] + smaller[:, 3]).clamp(min=0)
    outer = (larger[:, 0] + larger[:, 2]) * (larger[:, 1] + larger[:, 3])
    area = [(each[:, 0] + each[:, 2]) * (each[:, 1] + each[:, 3]) for each in (first, second)]
    union = (area[0] + area[1] - inner).clamp(min=1e-3)
    return inner / union - (outer - union) / outer.clamp(min=1e-3)
