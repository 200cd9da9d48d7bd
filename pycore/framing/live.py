"""Where the crop goes while nothing is known of what comes: a one-euro filter (Casiez, Roussel and Vogel, CHI
2012) with a dead zone, so that the crop rests while the player moves little and goes along at once when they
run."""

import math
from dataclasses import dataclass

from pycore.framing.crop import MIN_SIDE
from pycore.framing.following import Scene
from pycore.protocol import Framing, Rect

_DEAD_ZONE = 0.04
"""Share of the crop's side that the player may move from the middle of the zone before the crop follows."""

_HOLD_S = 0.7
_WIDEN_S = 2.0
_WIDEST = 1.6
_LONGEST_STEP_S = 0.5

_FASTEST = 8.0
"""Crop heights per second: how fast the crop goes to a player who was lost and is found elsewhere."""


@dataclass(slots=True)
class OneEuro:
    """cutoff: Hz at rest; beta: by how much it rises with speed, in units per second (Hz per unit)."""

    cutoff: float
    beta: float
    speed_cutoff: float = 0.3
    value: float | None = None
    speed: float = 0.0

    def update(self, value: float, step_s: float, unit: float = 1.0) -> float:
        """The filtered value; `value` and the result are in pixels, of which `unit` make one."""
        if self.value is None:
            self.value = value
            return value
        rate = min(max((value - self.value) / unit / step_s, -_FASTEST), _FASTEST)
        self.speed += _share(self.speed_cutoff, step_s) * (rate - self.speed)
        self.value += _share(self.cutoff + self.beta * abs(self.speed), step_s) * (value - self.value)
        return self.value


def _share(cutoff: float, step_s: float) -> float:
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff * step_s))


class LiveFraming:
    """Call `update` once a frame, in order."""

    def __init__(self, scene: Scene, framing: Framing) -> None:
        self._scene = scene
        self._framing = framing
        calm = 10.0**-framing.smoothness
        self._places = [OneEuro(1.5 * calm, 1.5), OneEuro(1.5 * calm, 1.5)]
        self._size = OneEuro(0.4 * calm, 0.1)
        self._zone: list[float] | None = None
        self._wanted = scene.rest.height
        self._time_us: int | None = None
        self._seen_us = 0

    def update(self, time_us: int, box: Rect | None, *, cut: bool = False) -> Rect:
        """The crop for the frame of that moment; box: the player's, None when lost. cut: the frame begins a
        new shot, where the crop may jump."""
        if cut or (self._time_us is not None and time_us < self._time_us):
            self._forget()
        step_s = 1 / 30 if self._time_us is None else (time_us - self._time_us) / 1e6
        step_s = min(max(step_s, 1e-3), _LONGEST_STEP_S)
        self._time_us = time_us
        if box is not None:
            self._seen_us = time_us
            return self._follow(box, step_s)
        return self._hold((time_us - self._seen_us) / 1e6, step_s)

    def _forget(self) -> None:
        for each in (*self._places, self._size):
            each.value, each.speed = None, 0.0
        self._zone = None

    def _follow(self, box: Rect, step_s: float) -> Rect:
        framing, scene = self._framing, self._scene
        room = 2 * framing.margin * box.height
        needed = max(box.height + room, (box.width + room) / scene.ratio)
        self._wanted = box.height / framing.player_share
        height = self._within(max(self._size.update(self._wanted, step_s), needed))
        return self._placed(_middle(box), height, step_s, box)

    def _hold(self, lost_s: float, step_s: float) -> Rect:
        widening = min(max((lost_s - _HOLD_S) / _WIDEN_S, 0.0), 1.0)
        wanted = self._wanted * (1 + (_WIDEST - 1) * widening)
        height = self._within(self._size.update(wanted, step_s))
        return self._placed(self._zone or list(_middle(self._scene.rest)), height, step_s, None)

    def _within(self, height: float) -> float:
        picture, shape = self._scene.picture, self._scene.ratio
        tallest = min(float(picture.height), picture.width / shape)
        return min(max(height, MIN_SIDE, MIN_SIDE / shape), tallest)

    def _placed(
        self, middle: list[float] | tuple[float, float], height: float, step_s: float, box: Rect | None
    ) -> Rect:
        picture, sides = self._scene.picture, (height * self._scene.ratio, height)
        if self._zone is None:
            self._zone = list(middle)
        corner: list[float] = []
        for axis, most in enumerate((picture.width, picture.height)):
            side = sides[axis]
            dead = _DEAD_ZONE * side
            self._zone[axis] = min(max(self._zone[axis], middle[axis] - dead), middle[axis] + dead)
            before = self._places[axis].value
            place = self._places[axis].update(self._zone[axis], step_s, height)
            if box is not None:
                place = self._around(place, side, axis, box)
            if before is not None:
                far = _FASTEST * height * step_s
                place = min(max(place, before - far), before + far)
            self._places[axis].value = place
            corner.append(min(max(place - side / 2, 0.0), max(most - side, 0.0)))
        return Rect(corner[0], corner[1], *sides)

    def _around(self, place: float, side: float, axis: int, box: Rect) -> float:
        """The nearest centre with the box, and its margin as far as that fits, inside."""
        start, size = ((box.x, box.width), (box.y, box.height))[axis]
        margin = min(self._framing.margin * box.height, max(side - size, 0.0) / 2)
        near, far = start + size + margin - side / 2, start - margin + side / 2
        return min(max(place, near), far) if near <= far else start + size / 2


def _middle(box: Rect) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2
