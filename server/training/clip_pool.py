"""Clips to learn from, made by all cores before training: the same for the same recipe and files."""

import multiprocessing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.training.footage import SCALE, FootageSpec, moving_clip
from server.training.pool import shared_array

BALL = 0
"""The YOLO class that is no player."""
MARGIN = 3
"""Pixels around a player's box that are cut out with it."""


@dataclass(frozen=True)
class Source:
    """A picture, and the boxes (left, top, right, bottom) of the players on it."""

    path: Path
    players: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class Clips:
    """uint8 R'G'B', (clips, frames, side, side, 3); `high` has SCALE times the side."""

    low: NDArray[np.uint8]
    high: NDArray[np.uint8]


def sources(folder: Path) -> list[Source]:
    """The frames in football/images with their labels in football/labels, and the pictures in photos."""
    found = [Source(path) for path in sorted((folder / "photos").glob("*.jpg"))]
    for path in sorted((folder / "football" / "images").glob("*.jpg")):
        label = folder / "football" / "labels" / f"{path.stem}.txt"
        found.append(Source(path, _players(label, _read(path).size) if label.exists() else ()))
    return found


def make_clips(
    pictures: list[Source], count: int, scale: tuple[float, float], how: FootageSpec, seed: int
) -> Clips:
    """`count` clips, each of a random picture with players of another. Call before CUDA is first used (it
    forks)."""
    if not pictures:
        raise FileNotFoundError("there are no pictures to make clips of")
    shape = (count, how.frames, how.side, how.side, 3)
    clips = Clips(shared_array(shape), shared_array((*shape[:2], how.side * SCALE, how.side * SCALE, 3)))
    _making.append(_Making(clips, pictures, scale, how, seed))
    try:
        with multiprocessing.get_context("fork").Pool() as pool:
            pool.map(_make, range(count), chunksize=8)
    finally:
        _making.clear()
    return clips


@dataclass(frozen=True)
class _Making:
    clips: Clips
    pictures: list[Source]
    scale: tuple[float, float]
    how: FootageSpec
    seed: int


_making: list[_Making] = []
"""What is being made, in memory that the processes share."""


def _make(index: int) -> None:
    (making,) = _making
    rng = np.random.default_rng([making.seed, index])
    # Neighbouring clips share a picture, so that a process reads each once.
    order = np.random.default_rng(making.seed).permutation(len(making.pictures))
    source = making.pictures[order[index // 8 % len(order)]]
    runners = [each for each in making.pictures if each.players]
    players = []
    if runners:
        other = runners[int(order[(index // 8 + 1) % len(order)]) % len(runners)]
        picks = rng.permutation(len(other.players))[: making.how.players]
        players = [_read(other.path).crop(other.players[pick]) for pick in picks]
    scale = float(rng.uniform(*making.scale))
    making.clips.low[index], making.clips.high[index] = moving_clip(
        _read(source.path), players, scale, making.how, rng
    )


@lru_cache(maxsize=4)
def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _players(label: Path, size: tuple[int, int]) -> tuple[tuple[int, int, int, int], ...]:
    boxes = []
    for line in label.read_text().splitlines():
        kind, *place = line.split()
        x, y, w, h = (float(each) * size[i % 2] for i, each in enumerate(place))
        if int(kind) != BALL:
            box = (x - w / 2 - MARGIN, y - h / 2 - MARGIN, x + w / 2 + MARGIN, y + h / 2 + MARGIN)
            boxes.append((int(box[0]), int(box[1]), int(box[2]), int(box[3])))
    return tuple(boxes)
