"""The recipe of a detector's training, read from detector.toml, which says what each figure is for."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on besides the pictures and the time it is given."""

    seed: int
    nets: tuple[str, ...]
    test: tuple[str, ...]
    batch: int
    crop: int
    rate: float
    pretrained_rate: float
    weight_decay: float
    warm_up: float
    calm_from: float
    ema: float
    clip: float
    clip_letters: int
    scale: tuple[float, float]
    usual_scale: tuple[float, float]
    near_ball: float
    paste_share: float
    ball_share: float
    photo_share: float


def read_recipe(path: Path) -> Recipe:
    """The recipe in that file. Raises TypeError naming a key that is unknown or missing."""
    table = tomllib.loads(path.read_text("utf-8"))
    entries: dict = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Recipe(**entries)
