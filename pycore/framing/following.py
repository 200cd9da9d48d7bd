"""Where the crop goes to keep a player in the picture, with the whole clip known. Each shot by itself: first
how large the crop is, then where it lies, both as the cheapest path inside a tube (optimal.py) whose walls
are the player's box with its margin, the picture's edges and the person's keyframes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pycore.framing.crop import MIN_SIDE
from pycore.framing.optimal import Cost, Costs, optimal_path
from pycore.framing.paths import shots
from pycore.framing.subject import Ball, Subject
from pycore.framing.tube import near_fixed, passable
from pycore.protocol import Framing, Keyframe, Rect, Size
from pycore.tracking.types import Bools, Floats, Ints

PAN_SPEED = 4.0
"""Crop heights per second; faster only where the player cannot be kept otherwise."""

ZOOM_SPEED = 0.6
"""Share of the crop's height per second; faster only likewise."""

_KEYFRAME_SPEED = 1.0
"""Crop heights per second at which a path leaves the player for a keyframe."""

_HOLD_S = 0.7
"""How long the crop stays as it is when the player is lost."""

_WIDEN_S = 2.0
_WIDEST = 1.6
_RETURN_S = 0.8
"""How long before the player is back the crop begins to go there."""

_SIZE_WINDOW_S = 1.6
"""A player who runs, falls or jumps changes in height: the zoom follows the median over so long."""


@dataclass(frozen=True, slots=True)
class Scene:
    """picture: its size; ratio: the crop's width / height; rest: where the crop lies while nothing moves it;
    cuts_us: first moments of new shots."""

    picture: Size
    ratio: float
    rest: Rect
    cuts_us: tuple[int, ...] = ()


def crop_path(
    times_us: Ints,
    scene: Scene,
    framing: Framing,
    subject: Subject | None = None,
    ball: Ball | None = None,
    keyframes: Sequence[Keyframe] = (),
) -> tuple[Ints, Floats]:
    """The crop over time: (M,) times, which are times_us (N,), rising, and the keyframes' between its first
    and last; and (M, 4) boxes, inside the picture, of the scene's ratio, around the player's box with its
    margin wherever that fits and no keyframe says otherwise."""
    marks = {each.time_us: each.crop for each in keyframes if times_us[0] <= each.time_us <= times_us[-1]}
    times_us = np.union1d(times_us, np.array(sorted(marks), np.int64)).astype(np.int64)
    seen = np.full((len(times_us), 4), np.nan)
    if subject is not None and framing.follow:
        seen = _inside_picture(subject.at(times_us), scene.picture)
    balls = np.full((len(times_us), 2), np.nan)
    if ball is not None and framing.follow:
        balls = ball.at(times_us)
    result = np.zeros((len(times_us), 4))
    for rows in shots(times_us, scene.cuts_us):
        fixed = {i: marks[time] for i, time in enumerate(times_us[rows].tolist()) if time in marks}
        shot = _Shot(times_us[rows] / 1e6, scene, framing, seen[rows], balls[rows], fixed)
        result[rows] = shot.path()
    return times_us, result


def _inside_picture(boxes: Floats, picture: Size) -> Floats:
    """The part of each box that is in the picture; NaN where there is none."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    corners = np.clip(corners, 0.0, [picture.width, picture.height] * 2)
    inside = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    inside[~((inside[:, 2] >= 1) & (inside[:, 3] >= 1))] = np.nan
    return inside


class _Shot:
    """One shot's path. Sizes and places are solved in units of the typical crop's height."""

    def __init__(
        self,
        times: Floats,
        scene: Scene,
        framing: Framing,
        seen: Floats,
        balls: Floats,
        fixed: dict[int, Rect],
    ) -> None:
        self.times, self.scene, self.framing, self.balls, self.fixed = times, scene, framing, balls, fixed
        self.seen = seen
        self.there: Bools = ~np.isnan(seen[:, 0])
        self.steps = np.diff(times)
        self.tallest = min(float(scene.picture.height), scene.picture.width / scene.ratio)
        self.lost_for, self.back_in = self._gaps()
        held = np.maximum.accumulate(np.where(self.there, np.arange(len(times)), -1))
        first = int(self.there.argmax()) if self.there.any() else 0
        self.last_seen = np.where(held >= 0, held, first)
        """For each sample, the last one with the player, or the first with one."""

    def path(self) -> Floats:
        if not (self.there.any() or self.fixed):
            rest = self.scene.rest
            return np.tile([rest.x, rest.y, rest.width, rest.height], (len(self.times), 1))
        heights = self._heights()
        unit = float(np.median(heights))
        widths = heights * self.scene.ratio
        centres = self._centres(heights, widths, unit)
        picture = self.scene.picture
        x = np.clip(centres[0] - widths / 2, 0.0, np.maximum(picture.width - widths, 0.0))
        y = np.clip(centres[1] - heights / 2, 0.0, np.maximum(picture.height - heights, 0.0))
        result = np.stack([x, y, widths, heights], axis=1)
        for index, rect in self.fixed.items():
            result[index] = (rect.x, rect.y, rect.width, rect.height)
        return result

    def _gaps(self) -> tuple[Floats, Floats]:
        """Seconds since the player was last seen and until the next time; inf where never."""
        index = np.arange(len(self.times))
        held = np.maximum.accumulate(np.where(self.there, index, -1))
        coming = np.minimum.accumulate(np.where(self.there, index, len(index))[::-1])[::-1]
        since = np.where(held >= 0, self.times - self.times[held], np.inf)
        until = np.where(
            coming < len(index), self.times[np.minimum(coming, len(index) - 1)] - self.times, np.inf
        )
        return since, until

    @property
    def _lost(self) -> Bools:
        """Where the player is lost for longer than a smooth path should bridge."""
        return ~self.there & (self.lost_for + self.back_in > _HOLD_S + _RETURN_S)

    def _heights(self) -> Floats:
        """(N,) the crop's height."""
        scene, framing = self.scene, self.framing
        least = min(max(MIN_SIDE, MIN_SIDE / scene.ratio), self.tallest)
        low, high = np.full(len(self.times), least), np.full(len(self.times), self.tallest)
        target = np.full(len(self.times), min(max(scene.rest.height, least), self.tallest))
        pull = np.full(len(self.times), 0.02)
        if self.there.any():
            room = 2 * framing.margin * self.seen[:, 3]
            needed = np.maximum(self.seen[:, 3] + room, (self.seen[:, 2] + room) / scene.ratio)
            low = np.where(self.there, np.clip(needed, least, self.tallest), low)
            usual = _rolling_median(self.times, self.seen[:, 3], _SIZE_WINDOW_S)
            target = np.clip(usual / framing.player_share, least, self.tallest)
            pull = np.where(self.there, 1.0, 0.02)
            widening = np.clip((self.lost_for - _HOLD_S) / _WIDEN_S, 0.0, 1.0)
            widening = np.where(self._lost & np.isfinite(self.lost_for), widening, 0.0)
            target = np.minimum(target * (1 + (_WIDEST - 1) * widening), self.tallest)
            pull = np.where(widening > 0, 2.0, pull)
        elif self.fixed:
            pull = np.full(len(self.times), 1e-6)
        unit = float(np.median(target))
        low, high, target = low / unit, high / unit, target / unit
        fixed = [(index, rect.height / unit) for index, rect in self.fixed.items()]
        near_fixed(low, high, self.times, fixed, ZOOM_SPEED)
        self._hold_ends(low, high)
        calm = 0.25 + 0.75 * framing.smoothness
        costs = Costs(Cost(0.2 * calm), Cost(0.0, 0.5 * calm**4), Cost(0.0, 0.1 * calm**6))
        speed = passable(low, high, self.steps, ZOOM_SPEED)
        found = optimal_path(self.times, low[None], high[None], target[None], pull[None], costs, speed[None])
        return found[0] * unit

    def _centres(self, heights: Floats, widths: Floats, unit: float) -> Floats:
        """(2, N) the crop's centre."""
        rest = self.scene.rest
        sides = np.stack([widths, heights])
        picture = np.array([[self.scene.picture.width], [self.scene.picture.height]], float)
        low, high = sides / 2, np.maximum(picture - sides / 2, sides / 2)
        start = np.array([[rest.x + rest.width / 2], [rest.y + rest.height / 2]])
        target, pull = np.broadcast_to(start, sides.shape), np.full(sides.shape, 0.02)
        if self.there.any():
            near, far, middle = self._walls(sides)
            seen = self.there
            low = np.where(seen, np.clip(near, low, high), low)
            high = np.where(seen, np.clip(far, low, high), high)
            target = middle[:, self.last_seen]
            holds = self._lost & (self.back_in > _RETURN_S)
            pull = np.broadcast_to(np.where(seen, 1.0, np.where(holds, 0.3, 0.0)), sides.shape)
        elif self.fixed:
            pull = np.full(sides.shape, 1e-6)
        low, high, target = low / unit, high / unit, np.clip(target, low, high) / unit
        speed = np.zeros((2, len(self.steps)))
        for axis in (0, 1):
            spots = [(i, _centre(rect)[axis] / unit) for i, rect in self.fixed.items()]
            near_fixed(low[axis], high[axis], self.times, spots, _KEYFRAME_SPEED)
            self._hold_ends(low[axis], high[axis])
            speed[axis] = passable(low[axis], high[axis], self.steps, PAN_SPEED)
        return optimal_path(self.times, low, high, target, pull, self._costs(), speed) * unit

    def _hold_ends(self, low: Floats, high: Floats) -> None:
        """Without a player, all is still before the first keyframe and after the last."""
        if self.fixed and not self.there.any():
            first, last = min(self.fixed), max(self.fixed)
            low[:first] = high[:first] = low[first]
            low[last:] = high[last:] = low[last]

    def _costs(self) -> Costs:
        calm = 0.08 * 10.0 ** (1.2 * self.framing.smoothness)  # seconds
        return Costs(Cost(0.1 * self.framing.smoothness), Cost(0.0, calm**4), Cost(0.0, 0.5 * calm**6))

    def _walls(self, sides: Floats) -> tuple[Floats, Floats, Floats]:
        """(2, N) least and most of the centre for the box with its margin to be inside, and where the centre
        is wanted. NaN where the player is lost."""
        start, size = self.seen[:, :2].T, self.seen[:, 2:].T
        margin = np.minimum(self.framing.margin * self.seen[:, 3], np.maximum(sides - size, 0.0) / 2)
        near = start + size + margin - sides / 2
        far = start - margin + sides / 2
        middle = start + size / 2
        fits = near <= far
        near, far = np.where(fits, near, middle), np.where(fits, far, middle)
        return near, far, np.clip(middle + self._drawn(middle, sides), near, far)

    def _drawn(self, middle: Floats, sides: Floats) -> Floats:
        """(2, N) how far the ball draws the crop from the player: as far as both stay in view, less and less
        when it is further off than that."""
        apart = self.balls.T - middle
        reach = np.hypot(*(apart / sides))  # in crops
        share = self.framing.ball * np.clip(1.5 - reach, 0.0, 1.0)
        pulled = np.clip(share * apart / 2, -sides / 4, sides / 4)
        return np.where(np.isnan(pulled), 0.0, pulled)


def _centre(rect: Rect) -> tuple[float, float]:
    return rect.x + rect.width / 2, rect.y + rect.height / 2


def _rolling_median(times: Floats, values: Floats, window_s: float) -> Floats:
    """The median of what is known within half a window to either side; where nothing is, the last that was,
    or the first."""
    known = np.flatnonzero(~np.isnan(values))
    some, when = values[known], times[known]
    starts = np.searchsorted(when, when - window_s / 2)
    ends = np.searchsorted(when, when + window_s / 2, side="right")
    medians = np.array([np.median(some[a:b]) for a, b in zip(starts, ends, strict=True)])
    held = np.searchsorted(known, np.arange(len(times)), side="right") - 1
    return medians[np.maximum(held, 0)]
