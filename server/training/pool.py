"""Tiles to learn from, made by all cores before training: the same for the same recipe and files."""

import mmap
import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.training import luma
from server.training.config import Slice
from server.training.degrade import Degradation, degraded

CHUNK = 24


@dataclass(frozen=True)
class Tiles:
    """`low` (n, side, side) and `high` (n, 2·side, 2·side): uint8 luma in limited range. `slice_of` (n,):
    which of the slices each is of."""

    low: NDArray[np.uint8]
    high: NDArray[np.uint8]
    slice_of: NDArray[np.int64]


_sources: dict[Path, luma.Luma] = {}
_shared: list[Tiles] = []
"""The tiles being made, in memory that the processes share: through pipes they would take longer than to
make."""


def make_tiles(
    slices: tuple[Slice, ...],
    stage: int,
    folder: Path,
    side: int,
    how: Degradation,
    seed: int,
    workers: int | None = None,
) -> Tiles:
    """The tiles of all slices in that stage. Call before CUDA is first used (it forks). Raises
    FileNotFoundError where a slice finds no picture."""
    counts = [entry.tiles[stage] for entry in slices]
    total = sum(counts)
    tiles = Tiles(
        shared_array((total, side, side)),
        shared_array((total, 2 * side, 2 * side)),
        np.repeat(np.arange(len(slices)), counts),
    )
    jobs, at = [], 0
    for index, (entry, count) in enumerate(zip(slices, counts, strict=True)):
        files = [p for p in sorted((folder / entry.folder).iterdir()) if entry.takes(p.name)]
        if not files:
            raise FileNotFoundError(f"slice {entry.name!r} finds no picture in {folder / entry.folder}")
        for path in files:
            if path not in _sources:
                _sources[path] = luma.read(path)
        rng = np.random.default_rng([seed, stage, index])
        rounds = -(-count // len(files))
        picks = np.concatenate([rng.permutation(len(files)) for _ in range(rounds)])[:count]
        for start in range(0, count, CHUNK):
            paths = [files[i] for i in picks[start : start + CHUNK]]
            jobs.append(_Job(paths, at + start, entry.scale, side, how, [seed, stage, index, start]))
        at += count
    _shared.append(tiles)
    try:
        if workers == 1:
            for job in jobs:
                _work(job)
            return tiles
        with multiprocessing.get_context("fork").Pool(workers or os.cpu_count()) as pool:
            pool.map(_work, jobs, chunksize=1)
    finally:
        _shared.clear()
    return tiles


@dataclass(frozen=True)
class _Job:
    paths: list[Path]
    first: int
    scale: tuple[float, float]
    side: int
    how: Degradation
    seed: list[int]


def _work(job: _Job) -> None:
    rng = np.random.default_rng(job.seed)
    (tiles,) = _shared
    for index, path in enumerate(job.paths, start=job.first):
        source = _sources[path]
        # What the window pans over must fit the source: small pictures are reduced less.
        least = (2 * job.side + 16) / min(source.shape)
        scale = min(max(float(rng.uniform(*job.scale)), least), 1.0)
        tiles.low[index], tiles.high[index] = degraded(source, job.side, scale, job.how, rng)


def shared_array(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Zeros in memory that processes forked later write into."""
    return np.frombuffer(mmap.mmap(-1, int(np.prod(shape))), dtype=np.uint8).reshape(shape)
