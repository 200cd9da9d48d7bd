"""Following one player live: a window around the player at the video's own resolution in each frame, the
whole picture every few frames and whenever the player is lost."""

import numpy as np

from pycore.backends.gpu import Frame
from pycore.detection.seen import Detector, Seen
from pycore.detection.view import Turn, around
from pycore.framing.following import Scene as FramingScene
from pycore.framing.live import LiveFraming
from pycore.protocol import Follow, Followed, ProcessorKind, Rect, Size
from pycore.tracking import Detections, Settings, Sight, Tracker
from pycore.tracking.cuts import CutDetector
from pycore.tracking.types import Floats

WHOLE_EVERY = 8
WINDOW = Size(640, 384)
SMALL_WINDOW = Size(320, 192)
"""On a CPU."""
NEAR = 2.5
"""How far from where the player was expected, in heights, somebody may be who is taken for the player."""
ALIKE = 0.75
"""Cosine of the kits from which that may be."""
LOST_AFTER = 12
"""Frames without a sighting."""


class Follower:
    def __init__(self, detector: Detector, follow: Follow) -> None:
        self._detector = detector
        self._size = follow.scene.picture
        scene = FramingScene(follow.scene.picture, follow.scene.ratio, follow.scene.rest)
        self._framing = LiveFraming(scene, follow.framing)
        self._point = (follow.x, follow.y)
        self._tracker = Tracker(self._settings())
        self._cuts = CutDetector()
        self._id = -1
        self._box: Floats | None = None
        self._kit: Floats | None = None
        self._unseen = 0
        self._frames = 0
        gpu = detector.processor.kind is not ProcessorKind.CPU
        self._window = WINDOW if gpu else SMALL_WINDOW

    @staticmethod
    def _settings() -> Settings:
        return Settings(confirm=1, coast=LOST_AFTER)

    async def frame(self, frame: Frame, time_us: int) -> Followed:
        """Where the player is in this frame, which is upright as the page shows it. Closes it."""
        whole = self._box is None or self._unseen > 0 or self._frames % WHOLE_EVERY == 0
        self._frames += 1
        if whole or self._box is None:
            view = self._detector.whole_view(self._size)
        else:
            x, y, width, height = self._box.tolist()
            scale = min(max(40 / height, 0.25), 2.0) if height < 40 or height > 250 else 1.0
            view = around(x + width / 2, y + height / 2, self._size, self._window, scale)
        try:
            answer = await self._detector.show(frame, view, self._size, Turn(self._size))
        finally:
            frame.close()
        seen = await answer.seen()
        cut = whole and self._frames > 1 and self._cuts.update(seen.glimpse)
        return self._found(seen, time_us, cut)

    def _found(self, seen: Seen, time_us: int, cut: bool) -> Followed:
        told = self._tracker.update(seen.people, cut=cut)
        rows = np.flatnonzero(told.ids == self._id)
        if len(rows) and told.sights[rows[0]] != Sight.GUESSED:
            row = int(rows[0])
            self._see(told.boxes[row], seen.people, int(told.detections[row]))
            sight, score = int(told.sights[row]), float(told.scores[row])
        elif (again := self._again(seen.people, told.detections)) >= 0:
            self._id = int(told.ids[again])
            self._see(told.boxes[again], seen.people, int(told.detections[again]))
            sight, score = int(told.sights[again]), float(told.scores[again])
        else:
            self._unseen += 1
            score = 0.0
            sight = int(Sight.GUESSED) if self._unseen <= LOST_AFTER and self._box is not None else -1
            if len(rows):
                self._box = told.boxes[int(rows[0])]
        box = self._box if self._box is not None else np.array([*self._point, 1.0, 1.0])
        there = _rect(box) if sight >= 0 else None
        crop = self._framing.update(time_us, there, cut=cut)
        others = [_rect(each) for each, id_ in zip(told.boxes, told.ids, strict=True) if id_ != self._id]
        return Followed(time_us, _rect(box), sight, round(score, 2), others, crop)

    def _see(self, box: Floats, people: Detections, detection: int) -> None:
        self._box = box
        self._unseen = 0
        if people.features is None or detection < 0:
            return
        kit = people.features[detection]
        self._kit = kit if self._kit is None else 0.95 * self._kit + 0.05 * kit

    def _again(self, people: Detections, detections: np.ndarray) -> int:
        """Row of whoever may be the player: at first the nearest to the click, later the nearest that looks
        alike."""
        rows = np.flatnonzero(detections >= 0)
        if not len(rows):
            return -1
        boxes = people.boxes[detections[rows]]
        if self._box is None:
            away = [distance(box, *self._point) for box in boxes]
            best = int(np.argmin(away))
            return int(rows[best]) if away[best] <= reach(boxes[best]) else -1
        centre = self._box[:2] + self._box[2:] / 2
        apart = np.hypot(*(boxes[:, :2] + boxes[:, 2:] / 2 - centre).T) / self._box[3]
        allowed = apart <= NEAR * (1 + 0.25 * self._unseen)
        if people.features is not None and self._kit is not None:
            kits = people.features[detections[rows]]
            norms = np.linalg.norm(kits, axis=1) * np.linalg.norm(self._kit)
            allowed &= kits @ self._kit / np.maximum(norms, 1e-12) >= ALIKE
        if not allowed.any():
            return -1
        return int(rows[np.flatnonzero(allowed)[int(np.argmin(apart[allowed]))]])


def distance(box: Floats, x: float, y: float) -> float:
    """From a point to a box's edge; 0 inside."""
    left, top, width, height = box.tolist()
    dx = max(left - x, 0.0, x - left - width)
    dy = max(top - y, 0.0, y - top - height)
    return float(np.hypot(dx, dy))


def reach(box: Floats) -> float:
    """How far beside a player a click still means the player."""
    return max(0.6 * float(box[3]), 24.0)


def _rect(box: Floats) -> Rect:
    x, y, width, height = (round(each, 1) for each in box.tolist())
    return Rect(x, y, max(width, 1.0), max(height, 1.0))
