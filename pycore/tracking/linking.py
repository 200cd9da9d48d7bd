"""Joins pieces of tracks that are one player: look-ahead over the clip.

A piece's end, carried on by the motion model, is compared with later pieces' beginnings in place, speed,
size and appearance. The cheapest set of joins is taken: a minimum-cost path cover, which is an assignment
of ends to beginnings."""

from dataclasses import dataclass

import numpy as np

from pycore.tracking.assignment import assign_pairs
from pycore.tracking.kalman import BoxFilter, Noise
from pycore.tracking.pieces import Piece
from pycore.tracking.smoothing import Estimate
from pycore.tracking.types import Floats, Ints


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Tuned on the first 22 SportsMOT sequences (README.md). Prices are in nats."""

    gap: int = 150
    """Longest gap in frames that is bridged."""
    limit: float = 14.0
    """Price above which a join is worse than none."""
    cut: float = 30.0
    """How much dearer a join may be where both sides were cut out of tracks: there, someone does go on."""
    stay: float = 1.0
    """Discount on joining what online tracking had joined."""
    patience: float = 0.01
    """Price of a frame without the player."""
    appearance: float = 10.0
    """Price of wholly different appearance (cosine 0), where there are vectors."""


def successors(
    pieces: list[Piece], estimates: list[Estimate], noise: Noise, settings: LinkSettings
) -> list[tuple[int, int]]:
    """Pairs (earlier, later) of pieces to be joined; a piece is earlier at most once and later at most
    once. Joins never cross a cut between shots."""
    firsts = np.array([piece.frames[0] for piece in pieces], np.int64)
    lasts = np.array([piece.frames[-1] for piece in pieces], np.int64)
    shots = np.array([piece.shot for piece in pieces], np.int64)
    order = np.argsort(firsts, kind="stable")
    candidates: list[Ints] = []
    for index in range(len(pieces)):
        begin, end = np.searchsorted(firsts[order], (lasts[index] + 1, lasts[index] + settings.gap + 2))
        later = order[begin:end]
        later = later[shots[later] == shots[index]]
        candidates.append(np.stack((np.full(len(later), index), later), axis=1))
    rows, columns = np.concatenate(candidates).T if candidates else np.zeros((2, 0), np.int64)
    if not len(rows):
        return []
    ends, starts = (
        _carried(estimates, rows, firsts[columns] - lasts[rows], noise),
        _states(estimates, columns, 0),
    )
    prices = _prices(ends, starts) + settings.patience * (firsts[columns] - lasts[rows] - 1) - settings.limit
    prices += settings.appearance * _unlike(pieces, rows, columns)
    before = np.array([piece.cut_after for piece in pieces])[rows]
    after = np.array([piece.cut_before for piece in pieces])[columns]
    prices -= settings.cut * ((before >= 0) & (after >= 0)) + settings.stay * (
        (before >= 0) & (before == after)
    )
    cheap = prices < 0
    found = assign_pairs(rows[cheap], columns[cheap], prices[cheap])
    return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


_State = tuple[Floats, Floats, Floats, Floats, Floats]
"""value, speed, pp, ps, ss as in `BoxFilter`, (K, 4) each."""


def _states(estimates: list[Estimate], which: Ints, at: int) -> _State:
    some = [estimates[i] for i in which.tolist()]
    return (
        np.stack([each.value[at] for each in some]),
        np.stack([each.speed[at] for each in some]),
        np.stack([each.pp[at] for each in some]),
        np.stack([each.ps[at] for each in some]),
        np.stack([each.ss[at] for each in some]),
    )


def _carried(estimates: list[Estimate], rows: Ints, steps: Ints, noise: Noise) -> _State:
    """The ends of earlier pieces, predicted by so many steps each."""
    state = BoxFilter(noise)
    state.value, state.speed, state.pp, state.ps, state.ss = _states(estimates, rows, -1)
    result = tuple(np.zeros((len(rows), 4)) for _ in range(5))
    waiting = np.arange(len(rows))
    for step in range(1, int(steps.max()) + 1):
        state.predict()
        arrived = steps[waiting] == step
        for target, now in zip(result, (state.value, state.speed, state.pp, state.ps, state.ss), strict=True):
            target[waiting[arrived]] = now[arrived]
        waiting = waiting[~arrived]
        state.keep(np.flatnonzero(~arrived))
    return result[0], result[1], result[2], result[3], result[4]


_WELL_SEEN = float(np.log([0.03 * 0.01, 0.03 * 0.01, 0.03, 0.03]).sum())
"""The logarithm of the spread, in heights, with which a well-seen player goes on: the zero of prices."""


def _prices(ends: _State, starts: _State) -> Floats:
    """(K,) negative log likelihoods that starts go on where ends lead to, in place, speed and size."""
    height = np.sqrt(ends[0][:, 3:] * starts[0][:, 3:])
    gone, drift = (starts[0] - ends[0]) / height, (starts[1] - ends[1]) / height
    pp, ps, ss = ((ends[k] + starts[k]) / height**2 for k in (2, 3, 4))
    determinant = np.maximum(pp * ss - ps * ps, 1e-12)
    both = (gone * gone * ss - 2 * gone * drift * ps + drift * drift * pp) / determinant + np.log(determinant)
    # Sizes have no speed to speak of: they are judged by their value.
    size = gone * gone / pp + np.log(pp)
    return (both[:, :2].sum(axis=1) + size[:, 2:].sum(axis=1)) / 2 - _WELL_SEEN


def _unlike(pieces: list[Piece], rows: Ints, columns: Ints) -> Floats:
    """(K,) 1 - cosine of appearances, 0 where one is unknown."""
    features = [piece.feature() for piece in pieces]
    result = np.zeros(len(rows))
    for k, (a, b) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        one, other = features[a], features[b]
        if one is not None and other is not None:
            result[k] = 1 - float(one @ other)
    return result
