"""Online tracking: every frame's detections join the players known so far.

Each frame: predict, take the camera's motion along, then a cascade of exact assignments on expanded IoU —
confident detections with players seen lately, what is left with a wider reach and with players lost for
longer, and last the weak detections, which may continue a player but never begin one."""

from dataclasses import dataclass, field, replace

import numpy as np

from pycore.tracking.assignment import assign
from pycore.tracking.boxes import overlap
from pycore.tracking.camera import common_motion, then
from pycore.tracking.kalman import BoxFilter, Noise, centred, measurement_variance
from pycore.tracking.pieces import unit
from pycore.tracking.types import STILL, Bools, CameraMotion, Detections, Floats, Ints, Sight, Tracked


@dataclass(frozen=True, slots=True)
class Stage:
    """One assignment of the cascade."""

    expand: float
    """How far boxes are widened on each side, as a share of their size."""
    least: float
    """Smallest overlap of expanded boxes that may be a pair."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Tuned on the first 22 SportsMOT sequences (README.md)."""

    confident: float = 0.5
    """Score from which a detection takes part in the first stages."""
    begin: float = 0.6
    """Score from which a detection that nobody claims begins a player."""
    weakest: float = 0.1
    """Score below which a detection is ignored."""
    stages: tuple[Stage, Stage, Stage] = (Stage(0.3, 0.25), Stage(0.7, 0.15), Stage(0.3, 0.35))
    """Confident, confident with a wider reach, weak."""
    likelihood: float = 0.8
    """Share of the motion model's likelihood in the price of a pair; the rest is overlap."""
    gate: float = 60.0
    """Largest squared Mahalanobis distance of a pair (4 degrees of freedom)."""
    appearance: float = 0.3
    """Weight of 1 - cosine of the appearance vectors, where there are any."""
    confirm: int = 3
    """Sightings before a player is told of."""
    forget: int = 45
    """Frames after which a player who is not seen is given up."""
    coast: int = 2
    """Frames for which an unseen player's predicted box is still told."""
    camera_jitter: float = 0.05
    """Unexpected motion of the camera, in heights of a player per frame, standard deviation."""
    camera_persistence: float = 0.9
    """How much of the camera's motion is expected to go on."""
    weak_trust: float = 0.4
    """How much a weak detection's box counts beside a confident one's."""
    noise: Noise = field(default_factory=Noise)

    def at_rate(self, rate: float) -> "Settings":
        """For footage of that many frames a second: these are for 25."""
        ratio = rate / 25
        return replace(
            self,
            forget=max(1, round(self.forget * ratio)),
            coast=max(1, round(self.coast * ratio)),
            camera_jitter=self.camera_jitter / ratio,
            camera_persistence=self.camera_persistence ** (1 / ratio),
            noise=self.noise.at_rate(rate),
        )

    def trust(self, scores: Floats) -> Floats:
        """(N,) how much detections of these scores count."""
        return np.where(scores >= self.confident, 1.0, self.weak_trust)


class Tracker:
    """Call `update` once a frame, in order."""

    def __init__(self, settings: Settings = Settings()) -> None:
        self.settings = settings
        self.camera: CameraMotion = STILL
        """The camera's motion into the last frame, as estimated."""
        self._next_id = 1
        self._clear()

    def _clear(self) -> None:
        self._filter = BoxFilter(self.settings.noise)
        self._ids = np.zeros(0, np.int64)
        self._hits = np.zeros(0, np.int64)
        self._unseen = np.zeros(0, np.int64)
        self._scores = np.zeros(0)
        self._features: Floats | None = None
        self.camera = STILL

    def update(self, detections: Detections, *, cut: bool = False) -> Tracked:
        """The players of the next frame. cut: it begins a new shot, so nobody is carried over."""
        if cut:
            self._clear()
        settings = self.settings
        usable = detections.scores >= settings.weakest
        confident = detections.scores >= settings.confident
        self._predict(centred(detections.boxes[confident]))
        behind = self._associate(detections, usable, confident)
        self._correct(detections, behind, confident)
        self._begin(detections, behind, confident)
        return self._told()

    def _predict(self, found: Floats) -> None:
        if not len(self._filter):
            self.camera = STILL
            return
        settings = self.settings
        self._filter.predict()
        left = settings.camera_persistence
        expected = CameraMotion(
            1 + (self.camera.scale - 1) * left, self.camera.x * left, self.camera.y * left
        )
        self._filter.move(expected)
        lately = self._unseen <= 2
        extra = common_motion(self._filter.value[lately], found, settings.camera_jitter)
        self._filter.move(extra)
        self.camera = then(expected, extra)

    def _associate(self, detections: Detections, usable: Bools, confident: Bools) -> Ints:
        """The row of the detection behind each player, or -1."""
        settings = self.settings
        behind = np.full(len(self._ids), -1, np.int64)
        if not len(self._ids) or not usable.any():
            return behind
        distance, allowed = self._distances(detections)
        predicted = self._filter.boxes()
        free = usable.copy()
        lately = self._unseen <= 5
        for number, stage in enumerate(settings.stages):
            weak = number == 2
            rows = np.flatnonzero((behind < 0) & (lately if number != 1 else True))
            columns = np.flatnonzero(free & (~confident if weak else confident))
            if not len(rows) or not len(columns):
                continue
            pair = np.ix_(rows, columns)
            shared = overlap(predicted[rows], detections.boxes[columns], stage.expand)
            price = (1 - settings.likelihood) * (stage.least - shared)
            price += settings.likelihood * (distance[pair] / settings.gate - 1)
            matched = assign(price, allowed[pair] & (shared >= stage.least))
            behind[rows[matched[0]]] = columns[matched[1]]
            free[columns[matched[1]]] = False
        return behind

    def _distances(self, detections: Detections) -> tuple[Floats, Bools]:
        """Squared Mahalanobis distance plus appearance of every pair, and whether it is within the gate."""
        settings = self.settings
        value = self._filter.value
        measured = measurement_variance(value, settings.noise)
        spread = self._filter.pp + measured
        apart = centred(detections.boxes)[None] - value[:, None]
        distance = (apart**2 / spread[:, None]).sum(axis=2)
        allowed = distance < settings.gate
        # A wide guess must not win over a sure one only because nothing is far from it.
        sure = np.log(spread[:, :2] / measured[:, :2]).sum(axis=1)
        distance = distance + sure[:, None]
        if detections.features is not None and self._features is not None:
            alike = self._features @ detections.features.T
            distance = distance + settings.appearance * settings.gate * (1 - alike)
        return distance, allowed

    def _correct(self, detections: Detections, behind: Ints, confident: Bools) -> None:
        settings = self.settings
        rows = np.flatnonzero(behind >= 0)
        seen = behind[rows]
        self._unseen += 1
        self._unseen[rows] = 0
        self._hits[rows] += 1
        self._scores *= 0.8
        self._scores[rows] = detections.scores[seen]
        self._filter.update(rows, detections.boxes[seen], settings.trust(detections.scores[seen]))
        if detections.features is not None and self._features is not None:
            clear = confident[seen]
            mixed = 0.9 * self._features[rows[clear]] + 0.1 * detections.features[seen[clear]]
            self._features[rows[clear]] = unit(mixed)
        self._behind = behind

    def _begin(self, detections: Detections, behind: Ints, confident: Bools) -> None:
        settings = self.settings
        keep = np.flatnonzero(
            (self._unseen <= settings.forget) & ((self._hits >= settings.confirm) | (self._unseen <= 1))
        )
        free = confident & (detections.scores >= settings.begin)
        free[behind[behind >= 0]] = False
        new = np.flatnonzero(free)
        if len(keep) < len(self._ids):
            self._filter.keep(keep)
            self._ids, self._hits, self._unseen = self._ids[keep], self._hits[keep], self._unseen[keep]
            self._scores, self._behind = self._scores[keep], self._behind[keep]
            if self._features is not None:
                self._features = self._features[keep]
        if not len(new):
            return
        self._filter.add(detections.boxes[new])
        self._ids = np.concatenate((self._ids, np.arange(self._next_id, self._next_id + len(new))))
        self._next_id += len(new)
        self._hits = np.concatenate((self._hits, np.ones(len(new), np.int64)))
        self._unseen = np.concatenate((self._unseen, np.zeros(len(new), np.int64)))
        self._scores = np.concatenate((self._scores, detections.scores[new]))
        self._behind = np.concatenate((self._behind, new))
        if detections.features is not None:
            units = unit(detections.features[new])
            self._features = units if self._features is None else np.concatenate((self._features, units))

    def _told(self) -> Tracked:
        settings = self.settings
        told = np.flatnonzero((self._hits >= settings.confirm) & (self._unseen <= settings.coast))
        sights = np.where(
            self._unseen[told] > 0,
            Sight.GUESSED,
            np.where(self._scores[told] >= settings.confident, Sight.SEEN, Sight.WEAK),
        )
        return Tracked(
            self._ids[told],
            self._filter.boxes()[told],
            self._scores[told],
            sights.astype(np.int64),
            self._behind[told],
        )
