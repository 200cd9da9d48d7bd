"""Who is who after players covered each other, decided by what is before and after.

Nearly all mistakes of online tracking happen while two players overlap. So tracks are cut there, the pieces
on both sides are joined anew by linking, and the sightings in between go to whom they fit best."""

from dataclasses import dataclass, replace

import numpy as np

from pycore.tracking.assignment import assign
from pycore.tracking.boxes import overlap
from pycore.tracking.kalman import Noise, centred, cornered, measurement_variance
from pycore.tracking.pieces import Piece, joined
from pycore.tracking.smoothing import Estimate
from pycore.tracking.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class ContestSettings:
    """Tuned on the first 22 SportsMOT sequences (README.md)."""

    overlap: float = 0.65
    """Intersection over union of two players from which who is who is open."""
    margin: int = 1
    """Frames before and after that are open, too."""
    anchor: int = 4
    """Sightings in the clear that a track needs on both sides to be cut."""
    gate: float = 40.0
    """Largest squared Mahalanobis distance of a sighting from a player's path through the contest."""


class _Paths:
    """Estimates of several players, by frame."""

    def __init__(self, estimates: list[Estimate]) -> None:
        self._estimates = estimates
        self.firsts = np.array([each.first for each in estimates], np.int64)
        self.lasts = self.firsts + np.array([len(each.value) - 1 for each in estimates], np.int64)

    def present(self, frame: int) -> Ints:
        return np.flatnonzero((self.firsts <= frame) & (frame <= self.lasts))

    def at(self, frame: int, who: Ints) -> tuple[Floats, Floats]:
        """value and variance, (N, 4) each."""
        some = [(self._estimates[i], frame - self._estimates[i].first) for i in who.tolist()]
        return np.stack([each.value[row] for each, row in some]), np.stack(
            [each.pp[row] for each, row in some]
        )


def cut(
    pieces: list[Piece], estimates: list[Estimate], settings: ContestSettings
) -> tuple[list[Piece], list[Piece]]:
    """Pieces cut where they overlap, and those in between, which are open."""
    kept: list[Piece] = []
    loose: list[Piece] = []
    for number, (piece, mask) in enumerate(zip(pieces, _contested(estimates, settings), strict=True)):
        clear = ~mask[piece.frames - piece.frames[0]]
        runs = np.split(np.arange(len(clear)), np.flatnonzero(np.diff(clear)) + 1)
        anchors = [run for run in runs if clear[run[0]] and len(run) >= settings.anchor]
        if len(anchors) < 2:
            kept.append(piece)
            continue
        # Before the first anchor and after the last there is nothing to decide between.
        anchors[0] = np.arange(anchors[0][-1] + 1)
        anchors[-1] = np.arange(anchors[-1][0], len(clear))
        open_ = np.ones(len(clear), np.bool_)
        for order, run in enumerate(anchors):
            open_[run] = False
            before = number if order > 0 else -1
            after = number if order < len(anchors) - 1 else -1
            kept.append(replace(piece.some(run), cut_before=before, cut_after=after))
        if open_.any():
            loose.append(piece.some(np.flatnonzero(open_)))
    return kept, loose


def _contested(estimates: list[Estimate], settings: ContestSettings) -> list[Bools]:
    contested = [np.zeros(len(each.value), np.bool_) for each in estimates]
    paths = _Paths(estimates)
    for frame in range(int(paths.firsts.min(initial=0)), int(paths.lasts.max(initial=-1)) + 1):
        here = paths.present(frame)
        if len(here) < 2:
            continue
        boxes = cornered(paths.at(frame, here)[0])
        shared = overlap(boxes, boxes)
        np.fill_diagonal(shared, 0)
        for i in here[shared.max(axis=1) > settings.overlap].tolist():
            at = frame - int(paths.firsts[i])
            contested[i][max(0, at - settings.margin) : at + settings.margin + 1] = True
    return contested


def settle(
    pieces: list[Piece],
    estimates: list[Estimate],
    loose: list[Piece],
    noise: Noise,
    settings: ContestSettings,
) -> list[Piece]:
    """Pieces with those open sightings that lie on their paths; sightings on nobody's path are dropped."""
    if not loose:
        return pieces
    pool = joined(loose) if len(loose) > 1 else loose[0]
    centre = centred(pool.boxes)
    paths = _Paths(estimates)
    known = [set(piece.frames.tolist()) for piece in pieces]
    gained: dict[int, list[int]] = {}
    for frame in np.unique(pool.frames).tolist():
        rows = np.flatnonzero(pool.frames == frame)
        here = np.array([i for i in paths.present(frame).tolist() if frame not in known[i]], np.int64)
        if not len(here):
            continue
        value, variance = paths.at(frame, here)
        spread = variance + measurement_variance(value, noise)
        distance = ((centre[rows][None] - value[:, None]) ** 2 / spread[:, None]).sum(axis=2)
        price = distance - settings.gate
        for i, row in zip(*assign(price, price < 0), strict=True):
            gained.setdefault(int(here[i]), []).append(int(rows[row]))
    return [
        joined([piece, replace(pool.some(np.array(gained[i])), shot=piece.shot)]) if i in gained else piece
        for i, piece in enumerate(pieces)
    ]
