"""Symmetric banded systems without LAPACK's banded solvers, which Pyodide's numpy lacks: block cyclic
reduction, vectorised over the unknowns (Heller, "Some aspects of the cyclic reduction algorithm for block
tridiagonal linear systems", SIAM J. Numer. Anal. 13, 1976)."""

from dataclasses import dataclass

import numpy as np

from pycore.tracking.types import Floats

BAND = 3
"""Diagonals above the main one: third differences couple four neighbours."""

_DIRECT = 12
"""Blocks from which on halving costs more than solving at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """One halving: what the odd blocks' inverses make of the couplings to the even ones before and after."""

    inverse: Floats
    before: Floats
    after: Floats


class Factors:
    """A factorised symmetric positive definite matrix, batched; `solve` as often as wanted.

    band: (B, BAND + 1, N); band[:, d, i] couples unknowns i and i + d (entries beyond N are ignored).
    """

    def __init__(self, band: Floats) -> None:
        batch, _, count = band.shape
        self._count = count
        blocks = -(-count // BAND)
        padded = np.zeros((batch, BAND + 1, blocks * BAND + BAND))
        padded[:, :, :count] = band
        for d in range(1, BAND + 1):
            padded[:, d, max(count - d, 0) :] = 0.0
        padded[:, 0, count:] = 1.0
        diagonal = np.zeros((batch, blocks, BAND, BAND))
        beside = np.zeros((batch, blocks, BAND, BAND))  # couples a block and the next one
        first = np.arange(blocks) * BAND
        for i in range(BAND):
            for j in range(BAND):
                diagonal[:, :, i, j] = padded[:, abs(i - j), first + min(i, j)]
                if BAND + j - i <= BAND:
                    beside[:, :, i, j] = padded[:, BAND + j - i, first + i]
        self._levels: list[_Level] = []
        while diagonal.shape[1] > _DIRECT:
            diagonal, beside = self._halve(diagonal, beside)
        self._blocks = diagonal.shape[1]
        self._last = np.linalg.inv(_dense(diagonal, beside))

    def _halve(self, diagonal: Floats, beside: Floats) -> tuple[Floats, Floats]:
        inverse: Floats = np.linalg.inv(diagonal[:, 1::2]).astype(np.float64, copy=False)
        odd, even = inverse.shape[1], (diagonal.shape[1] + 1) // 2
        before = inverse @ _t(beside[:, 0::2][:, :odd])  # odd blocks by their even one before
        after = inverse @ beside[:, 1::2][:, :odd]  # and after
        kept = diagonal[:, 0::2].copy()
        kept[:, :odd] -= beside[:, 0::2][:, :odd] @ before
        followed = min(odd, even - 1)
        kept[:, 1 : followed + 1] -= _t(beside[:, 1::2][:, :followed]) @ after[:, :followed]
        coupled = np.zeros_like(kept)
        coupled[:, :followed] = -(beside[:, 0::2][:, :followed] @ after[:, :followed])
        self._levels.append(_Level(inverse, before, after))
        return kept, coupled

    def solve(self, right: Floats) -> Floats:
        """right (B, N) -> x (B, N)."""
        batch = len(right)
        sizes = [each.inverse.shape[1] for each in self._levels]
        total = self._blocks + sum(sizes)
        padded = np.zeros((batch, total * BAND))
        padded[:, : self._count] = right
        rest = padded.reshape(batch, total, BAND, 1)
        odds: list[Floats] = []
        for level in self._levels:
            given = rest[:, 1::2]
            odd, followed = given.shape[1], min(given.shape[1], (rest.shape[1] + 1) // 2 - 1)
            rest = rest[:, 0::2].copy()
            rest[:, :odd] -= _t(level.before) @ given
            rest[:, 1 : followed + 1] -= _t(level.after[:, :followed]) @ given[:, :followed]
            odds.append(level.inverse @ given)
        flat = rest.reshape(batch, self._blocks * BAND, 1)
        found = (self._last @ flat).reshape(batch, self._blocks, BAND, 1)
        for level, part in zip(reversed(self._levels), reversed(odds), strict=True):
            odd, followed = part.shape[1], min(part.shape[1], found.shape[1] - 1)
            between = part - level.before @ found[:, :odd]
            between[:, :followed] -= level.after[:, :followed] @ found[:, 1 : followed + 1]
            whole = np.empty((batch, odd + found.shape[1], BAND, 1))
            whole[:, 0::2], whole[:, 1::2] = found, between
            found = whole
        return found.reshape(batch, -1)[:, : self._count]


def _t(blocks: Floats) -> Floats:
    return blocks.swapaxes(-1, -2)


def _dense(diagonal: Floats, beside: Floats) -> Floats:
    batch, blocks, _, _ = diagonal.shape
    whole = np.zeros((batch, blocks, BAND, blocks, BAND))
    every = np.arange(blocks)
    whole[:, every, :, every] = diagonal.swapaxes(0, 1)
    whole[:, every[:-1], :, every[1:]] = beside[:, :-1].swapaxes(0, 1)
    whole[:, every[1:], :, every[:-1]] = _t(beside[:, :-1]).swapaxes(0, 1)
    return whole.reshape(batch, blocks * BAND, blocks * BAND)
