"""Tracks of a whole clip: online tracking first, then what only looking ahead can do — players who covered
each other are told apart, pieces are joined, gaps are filled, boxes are smoothed with both past and
future."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from pycore.tracking.camera import then
from pycore.tracking.contests import ContestSettings, cut, settle
from pycore.tracking.kalman import cornered
from pycore.tracking.linking import LinkSettings, successors
from pycore.tracking.pieces import Piece, joined
from pycore.tracking.smoothing import Estimate, smooth
from pycore.tracking.tracker import Settings, Tracker
from pycore.tracking.types import STILL, CameraMotion, Detections, Floats, Ints, Sight, Track


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """Tuned on the first 22 SportsMOT sequences (README.md)."""

    online: Settings = field(default_factory=Settings)
    contest: ContestSettings = field(default_factory=ContestSettings)
    link: LinkSettings = field(default_factory=LinkSettings)
    shortest: int = 5
    """Sightings below which a track is taken for a false alarm."""
    fill: int = 20
    """Longest gap in frames over which a player's box is interpolated."""

    def at_rate(self, rate: float) -> "ClipSettings":
        """For footage of that many frames a second: these are for 25."""
        ratio = rate / 25
        return replace(
            self,
            online=self.online.at_rate(rate),
            link=replace(self.link, gap=round(self.link.gap * ratio), patience=self.link.patience / ratio),
            fill=round(self.fill * ratio),
        )


class ClipTracker:
    """Call `add` once a frame, in order, then `tracks`, as often as wanted."""

    def __init__(self, settings: ClipSettings = ClipSettings()) -> None:
        self.settings = settings
        # Everyone is noted from the first sighting on: false alarms are recognised once the clip is known.
        self._tracker = Tracker(replace(settings.online, confirm=1, coast=0))
        self._cameras: list[CameraMotion] = []
        """From each shot's first frame to each frame."""
        self._shots: list[int] = []
        self._sightings: list[tuple[Ints, Detections]] = []
        """Each frame's ids with their detections."""

    def add(self, detections: Detections, *, cut: bool = False) -> None:
        """The next frame. cut: it begins a new shot."""
        told = self._tracker.update(detections, cut=cut)
        begins = cut or not self._cameras
        self._cameras.append(STILL if begins else then(self._cameras[-1], self._tracker.camera))
        self._shots.append(self._shots[-1] + cut if self._shots else 0)
        self._sightings.append((told.ids, detections.some(told.detections)))

    def tracks(self) -> list[Track]:
        """Everyone in the clip, in the order of their first frames; ids are counted from 1."""
        settings = self.settings
        pieces = self._pieces()
        pieces, loose = cut(pieces, self._smooth(pieces), settings.contest)
        estimates = self._smooth(pieces)
        pieces = _chained(pieces, successors(pieces, estimates, settings.online.noise, settings.link))
        pieces = settle(pieces, self._smooth(pieces), loose, settings.online.noise, settings.contest)
        pieces = [piece for piece in pieces if len(piece.frames) >= settings.shortest]
        pieces.sort(key=lambda piece: (int(piece.frames[0]), int(piece.frames[-1])))
        estimates = self._smooth(pieces)
        return [
            self._track(number, piece, estimate)
            for number, (piece, estimate) in enumerate(zip(pieces, estimates, strict=True), 1)
        ]

    def _smooth(self, pieces: list[Piece]) -> list[Estimate]:
        return smooth([piece.sightings() for piece in pieces], self.settings.online.noise)

    def _pieces(self) -> list[Piece]:
        """What online tracking found, free of the camera's motion: as each shot's first frame would show
        it."""
        counts = [len(ids) for ids, _ in self._sightings]
        if not sum(counts):
            return []
        online = self.settings.online
        frames = np.repeat(np.arange(len(counts)), counts)
        ids = np.concatenate([ids for ids, _ in self._sightings])
        boxes = np.concatenate([seen.boxes for _, seen in self._sightings])
        scores = np.concatenate([seen.scores for _, seen in self._sightings])
        given = [seen.features for ids, seen in self._sightings if len(ids)]
        features = [each for each in given if each is not None]
        appearance = np.concatenate(features) if len(features) == len(given) else None
        scale, shift = self._motion(frames)
        boxes = boxes / scale[:, None]
        boxes[:, :2] -= shift / scale[:, None]
        trust = online.trust(scores)
        order = np.argsort(ids, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(ids[order])) + 1)
        return [
            Piece(
                frames[rows],
                boxes[rows],
                scores[rows],
                trust[rows],
                None if appearance is None else appearance[rows],
                self._shots[int(frames[rows[0]])],
            )
            for rows in groups
        ]

    def _motion(self, frames: Ints) -> tuple[Floats, Floats]:
        some = [self._cameras[frame] for frame in frames.tolist()]
        return np.array([each.scale for each in some]), np.array([(each.x, each.y) for each in some])

    def _track(self, number: int, piece: Piece, estimate: Estimate) -> Track:
        frames = np.arange(piece.frames[0], piece.frames[-1] + 1)
        rows = np.searchsorted(piece.frames, frames)
        seen = piece.frames[rows] == frames
        gap = piece.frames[rows] - piece.frames[np.maximum(rows - 1, 0)] - 1
        told = seen | (gap <= self.settings.fill)
        scale, shift = self._motion(frames)
        boxes = cornered(estimate.value) * scale[:, None]
        boxes[:, :2] += shift
        scores = np.where(seen, piece.scores[rows], 0.0)
        found = np.where(scores >= self.settings.online.confident, Sight.SEEN, Sight.WEAK)
        sights = np.where(seen, found, Sight.GUESSED).astype(np.int64)
        return Track(number, frames[told], boxes[told], scores[told], sights[told], piece.feature())


def _chained(pieces: list[Piece], joins: list[tuple[int, int]]) -> list[Piece]:
    after = dict(joins)
    result: list[Piece] = []
    for start in sorted(set(range(len(pieces))) - set(after.values())):
        chain, at = [pieces[start]], start
        while (at := after.get(at, -1)) >= 0:
            chain.append(pieces[at])
        result.append(joined(chain))
    return result


def track_clip(
    frames: Iterable[Detections], cuts: Iterable[int] = (), settings: ClipSettings = ClipSettings()
) -> list[Track]:
    """Everyone in a clip, given every frame's detections and the frames that begin a new shot."""
    tracker = ClipTracker(settings)
    shots = frozenset(cuts)
    for number, detections in enumerate(frames):
        tracker.add(detections, cut=number in shots)
    return tracker.tracks()
