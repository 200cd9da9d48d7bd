"""The recipe of a training run, read from a TOML file: upscaler.toml says what each figure is for."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from server.training.degrade import Degradation


@dataclass(frozen=True)
class Slice:
    """A part of the tiles: which pictures, how much they are reduced first, how many tiles in each stage."""

    name: str
    folder: str
    tiles: tuple[int, ...]
    scale: tuple[float, float]
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, file_name: str) -> bool:
        """Whether a picture of `folder` belongs to this slice, by the beginning of its file name."""
        return (not self.only or file_name.startswith(self.only)) and not (
            self.exclude and file_name.startswith(self.exclude)
        )


@dataclass(frozen=True)
class NetSpec:
    """A net: `block` is the side of the space-to-depth cell, `layers` counts the convolutions between the
    first and the last, `expand` is the inner width of the factored weights while training, `rate` the
    learning rate at its highest."""

    name: str
    channels: int
    layers: int
    expand: int
    block: int = 2
    rate: float = 2e-3
    seed: int = 0

    def widths(self) -> list[int]:
        """Channels before the first convolution and after each one."""
        return [self.block**2, *[self.channels] * (self.layers + 1), 4 * self.block**2]


@dataclass(frozen=True)
class Stage:
    """A part of the training, on tiles of its own: `rate` times each net's rate at its start, falling to zero
    at its end; a robust loss until `robust_until` of it; shares of single pictures and of the kernels."""

    steps: int
    rate: float
    robust_until: float
    intra_share: float
    kernels: dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on besides the pictures."""

    seed: int
    tile: int
    patch: int
    batch: int
    warmup: int
    ema: float
    weight_power: float
    degradation: Degradation
    judged: Degradation
    stages: tuple[Stage, ...]
    slices: tuple[Slice, ...]
    validation: tuple[Slice, ...]
    nets: tuple[NetSpec, ...]


def read_recipe(path: Path) -> Recipe:
    """The recipe in that file. Raises TypeError naming a key that is unknown or missing."""
    table = tomllib.loads(path.read_text("utf-8"))
    return Recipe(
        degradation=Degradation(**_tuples(table.pop("degradation"))),
        judged=Degradation(**_tuples(table.pop("judged"))),
        stages=tuple(Stage(**entry) for entry in table.pop("stages")),
        slices=tuple(Slice(**_tuples(entry)) for entry in table.pop("slices")),
        validation=tuple(Slice(**_tuples(entry)) for entry in table.pop("validation")),
        nets=tuple(NetSpec(**entry) for entry in table.pop("nets")),
        **table,
    )


def _tuples(entry: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
