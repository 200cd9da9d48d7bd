"""The path that costs least inside a tube: a quadratic programme with absolute values, solved by an
interior-point method (Mehrotra's predictor and corrector; Nocedal and Wright, "Numerical Optimization", ch.
16.6) whose every step is one banded system. Costs on velocity, acceleration and jerk after Grundmann, Kwatra
and Essa, "Auto-directed video stabilization with robust L1 optimal camera paths" (CVPR 2011)."""

from dataclasses import dataclass, field

import numpy as np

from pycore.framing.banded import BAND, Factors
from pycore.tracking.types import Floats

_SHORTEST_STEP_S = 1 / 250
_ITERATIONS = 80
_PRECISION = 1e-9
_BACK_OFF = 0.995
_FIXED = 1e-9
_FREE = 1e-9
"""An absolute cost below this is none: its duals, as small, would divide nothing by nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a derivative costs, integrated over time: absolute * |r| + square * r^2 / 2."""

    absolute: float = 0.0
    square: float = 0.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Per second, second^2 and second^3, in the units of the path."""

    velocity: Cost = field(default_factory=Cost)
    acceleration: Cost = field(default_factory=Cost)
    jerk: Cost = field(default_factory=Cost)


def optimal_path(
    times: Floats, low: Floats, high: Floats, target: Floats, pull: Floats, costs: Costs, speed: Floats
) -> Floats:
    """(B, N) paths x, each at least cost: pull * (x - target)^2 / 2 + costs, integrated over time, such that
    low <= x <= high exactly and |velocity| <= speed.

    times: (N,) seconds, rising; low, high, target, pull: (B, N), low <= high, pull >= 0; speed: (B, N - 1),
    inf where there is no limit. Some path must meet the limits (see `tube.passable`). Where low and high are
    the same the path is fixed. Best conditioned when x is of the order of 1.
    """
    count = low.shape[1]
    steps = np.maximum(np.diff(times), _SHORTEST_STEP_S)
    weight = np.concatenate([steps, steps[-1:]]) if count > 1 else np.ones(1)
    problem = _Problem(low, high, target, pull * weight, steps, costs, speed)
    for _ in range(_ITERATIONS):
        if problem.step():
            break
    return np.clip(problem.x, low, high)


def differences(steps: Floats, order: int) -> Floats:
    """(N - order, order + 1) rows of divided differences: row i times x[i : i + order + 1] is the derivative
    there. steps: (N - 1,) seconds between samples."""
    count = len(steps) + 1
    rows = np.ones((count, 1))
    times = np.concatenate([[0.0], np.cumsum(steps)])
    for k in range(1, order + 1):
        spans = (times[k:] - times[:-k]) / k
        longer = np.zeros((count - k, k + 1))
        longer[:, 1:] += rows[1:]
        longer[:, :-1] -= rows[:-1]
        rows = longer / spans[:, None]
    return rows


@dataclass(slots=True, eq=False)
class _Rows:
    """Rows r = D x of one order with what they cost, and the state of their constraints."""

    rows: Floats
    order: int
    square: Floats  # (n,)
    absolute: Floats  # (n,), 0: no such cost
    value: Floats  # (B, n)
    excess: Floats  # (B, n): e >= |r|
    plus: Floats  # duals of e - r >= 0
    minus: Floats  # and of e + r >= 0

    def of(self, x: Floats) -> Floats:
        n = len(self.rows)
        return sum((self.rows[:, j] * x[:, j : j + n] for j in range(self.order + 1)), np.zeros((len(x), n)))

    def transposed(self, y: Floats, count: int) -> Floats:
        n = len(self.rows)
        result = np.zeros((len(y), count))
        for j in range(self.order + 1):
            result[:, j : j + n] += self.rows[:, j] * y
        return result

    def add_to(self, band: Floats, weight: Floats) -> None:
        n = len(self.rows)
        for j in range(self.order + 1):
            for d in range(self.order + 1 - j):
                band[:, d, j : j + n] += self.rows[:, j] * self.rows[:, j + d] * weight


@dataclass(slots=True, eq=False)
class _Bound:
    """sign * r <= limit, with slack and dual; `rows` None: r is x itself."""

    rows: _Rows | None
    sign: float
    limit: Floats
    active: Floats  # 1 where there is a limit
    slack: Floats
    dual: Floats


class _Problem:
    def __init__(
        self,
        low: Floats,
        high: Floats,
        target: Floats,
        pull: Floats,
        steps: Floats,
        costs: Costs,
        speed: Floats,
    ) -> None:
        batch, count = low.shape
        self.target, self.pull = target, pull
        self.fixed = high - low < _FIXED
        self.x = np.where(self.fixed, (low + high) / 2, np.clip(target, low, high))
        self.done = np.zeros((batch, 1), bool)
        self.terms: list[_Rows] = []
        for order, cost in enumerate((costs.velocity, costs.acceleration, costs.jerk), 1):
            if count <= order:
                break
            rows = differences(steps, order)
            span = np.convolve(steps, np.ones(order) / order, "valid")  # the time that a row stands for
            absolute = cost.absolute * span if cost.absolute > _FREE else np.zeros_like(span)
            term = _Rows(rows, order, cost.square * span, absolute, *(np.zeros((batch, 0)),) * 4)
            term.value = term.of(self.x)
            term.excess = np.abs(term.value) + 0.1
            half = np.broadcast_to(term.absolute / 2, term.value.shape)
            term.plus, term.minus = half.copy(), half.copy()
            self.terms.append(term)
        free = (~self.fixed).astype(float)
        width = np.maximum(high - low, _FIXED)
        self.bounds = [
            self._bound(None, 1.0, high, free, width),
            self._bound(None, -1.0, -low, free, width),
        ]
        if self.terms and np.isfinite(speed).any():
            active = np.isfinite(speed).astype(float)
            limit = np.where(active > 0, speed, 1.0)
            self.bounds += [self._bound(self.terms[0], sign, limit, active, limit) for sign in (1.0, -1.0)]

    def _bound(self, rows: _Rows | None, sign: float, limit: Floats, active: Floats, scale: Floats) -> _Bound:
        value = self.x if rows is None else rows.value
        slack = np.maximum(limit - sign * value, 0.05 * scale)
        return _Bound(rows, sign, limit, active, slack, 0.1 / np.maximum(scale, 1e-3) * active)

    def _value(self, bound: _Bound) -> Floats:
        return self.x if bound.rows is None else bound.rows.value

    def step(self) -> bool:
        """One iteration; True when all are solved."""
        count = self.x.shape[1]
        band = np.zeros((len(self.x), BAND + 1, count))
        band[:, 0] = self.pull + 1e-9
        gradient = self.pull * (self.x - self.target)
        for term in self.terms:
            weight = np.broadcast_to(term.square, term.value.shape)
            slope = term.square * term.value
            if term.absolute.any():
                up, down = self._pair(term)
                weight = weight + 4 * up * down / (up + down)
                slope = slope + term.plus - term.minus
            term.add_to(band, weight)
            gradient += term.transposed(slope, count)
        for bound in self.bounds:
            weight = bound.dual / bound.slack
            push = bound.sign * bound.dual
            if bound.rows is None:
                band[:, 0] += weight
                gradient += push
            else:
                bound.rows.add_to(band, weight)
                gradient += bound.rows.transposed(push, count)
        gap, products = self._gap()
        infeasible = self._infeasible()
        self.done |= (gap < _PRECISION) & (infeasible < _PRECISION)
        if self.done.all() or not products:
            return True
        self._hold_fixed(band)
        factors = Factors(band)
        affine = self._direction(factors, gradient, np.zeros_like(gap), None)
        reach = self._reach(affine)
        after = self._gap_after(affine, reach) / products
        centre = np.minimum((after / np.maximum(gap, 1e-300)) ** 3, 1.0) * gap
        final = self._direction(factors, gradient, centre, affine)
        self._move(final, np.minimum(_BACK_OFF * self._reach(final), 1.0) * ~self.done)
        return False

    def _pair(self, term: _Rows) -> tuple[Floats, Floats]:
        return term.plus / (term.excess - term.value), term.minus / (term.excess + term.value)

    def _hold_fixed(self, band: Floats) -> None:
        """Unknowns that are fixed keep their value: their rows and columns become the unit matrix's."""
        for d in range(1, BAND + 1):
            couples = self.fixed.copy()
            couples[:, :-d] |= self.fixed[:, d:]
            band[:, d][couples] = 0.0
        band[:, 0][self.fixed] = 1.0

    def _gap(self) -> tuple[Floats, int]:
        """(B, 1) mean complementarity, and of how many products."""
        total, number = np.zeros((len(self.x), 1)), 0
        for term in self.terms:
            if term.absolute.any():
                total[:, 0] += ((term.excess - term.value) * term.plus).sum(axis=1)
                total[:, 0] += ((term.excess + term.value) * term.minus).sum(axis=1)
                number += 2 * term.value.shape[1]
        for bound in self.bounds:
            total[:, 0] += (bound.slack * bound.dual).sum(axis=1)
            number += bound.slack.shape[1]
        return total / max(number, 1), number

    def _infeasible(self) -> Floats:
        worst = np.zeros((len(self.x), 1))
        for bound in self.bounds:
            off = np.abs(bound.sign * self._value(bound) + bound.slack - bound.limit) * bound.active
            worst = np.maximum(worst, off.max(axis=1, keepdims=True))
        return worst

    def _direction(
        self, factors: Factors, gradient: Floats, centre: Floats, affine: "_Direction | None"
    ) -> "_Direction":
        count = self.x.shape[1]
        right = -gradient
        towards: list[tuple[Floats, Floats]] = []
        for index, term in enumerate(self.terms):
            if not term.absolute.any():
                towards.append((np.zeros((0, 0)), np.zeros((0, 0))))
                continue
            up, down = self._pair(term)
            over, under = term.excess - term.value, term.excess + term.value
            second_up = second_down = np.zeros(())
            if affine is not None:
                change, grown, dual_up, dual_down = affine.terms[index]
                second_up, second_down = (grown - change) * dual_up, (grown + change) * dual_down
            c_up = (centre - second_up) / over - term.plus
            c_down = (centre - second_down) / under - term.minus
            towards.append((c_up, c_down))
            right -= term.transposed(2 * (c_up * down - c_down * up) / (up + down), count)
        wanted: list[Floats] = []
        for index, bound in enumerate(self.bounds):
            off = bound.sign * self._value(bound) + bound.slack - bound.limit
            second = 0.0 if affine is None else affine.bounds[index][0] * affine.bounds[index][1]
            push = ((centre - second) / bound.slack - bound.dual) * bound.active
            push = push + bound.dual / bound.slack * off
            wanted.append(push)
            if bound.rows is None:
                right -= bound.sign * push
            else:
                right -= bound.rows.transposed(bound.sign * push, count)
        right[self.fixed] = 0.0
        change = factors.solve(right)
        terms: list[tuple[Floats, Floats, Floats, Floats]] = []
        for term, (c_up, c_down) in zip(self.terms, towards, strict=True):
            moved = term.of(change)
            if not term.absolute.any():
                terms.append((moved, moved, moved, moved))
                continue
            up, down = self._pair(term)
            grown = (c_up + c_down + (up - down) * moved) / (up + down)
            terms.append((moved, grown, c_up - up * (grown - moved), c_down - down * (grown + moved)))
        bounds: list[tuple[Floats, Floats]] = []
        for bound, push in zip(self.bounds, wanted, strict=True):
            moved = change if bound.rows is None else bound.rows.of(change)
            off = bound.sign * self._value(bound) + bound.slack - bound.limit
            slack = (-off - bound.sign * moved) * bound.active
            bounds.append((slack, push + bound.dual / bound.slack * bound.sign * moved))
        return _Direction(change, terms, bounds)

    def _reach(self, way: "_Direction") -> Floats:
        """(B, 1) how far one can go, at most 1, until a slack or a dual is used up."""
        reach = np.ones((len(self.x), 1))
        for term, (moved, grown, up, down) in zip(self.terms, way.terms, strict=True):
            if term.absolute.any():
                _limit(reach, term.excess - term.value, grown - moved)
                _limit(reach, term.excess + term.value, grown + moved)
                _limit(reach, term.plus, up)
                _limit(reach, term.minus, down)
        for bound, (slack, dual) in zip(self.bounds, way.bounds, strict=True):
            _limit(reach, bound.slack, slack)
            _limit(reach, bound.dual, dual)
        return reach

    def _gap_after(self, way: "_Direction", reach: Floats) -> Floats:
        total = np.zeros((len(self.x), 1))
        for term, (moved, grown, up, down) in zip(self.terms, way.terms, strict=True):
            if term.absolute.any():
                over = term.excess - term.value + reach * (grown - moved)
                under = term.excess + term.value + reach * (grown + moved)
                total[:, 0] += (over * (term.plus + reach * up)).sum(axis=1)
                total[:, 0] += (under * (term.minus + reach * down)).sum(axis=1)
        for bound, (slack, dual) in zip(self.bounds, way.bounds, strict=True):
            total[:, 0] += ((bound.slack + reach * slack) * (bound.dual + reach * dual)).sum(axis=1)
        return total

    def _move(self, way: "_Direction", share: Floats) -> None:
        self.x = self.x + share * way.change
        for term, (_, grown, up, down) in zip(self.terms, way.terms, strict=True):
            term.value = term.of(self.x)
            if term.absolute.any():
                term.excess = term.excess + share * grown
                term.plus = term.plus + share * up
                term.minus = term.minus + share * down
        for bound, (slack, dual) in zip(self.bounds, way.bounds, strict=True):
            bound.slack = bound.slack + share * slack
            bound.dual = bound.dual + share * dual


@dataclass(frozen=True, slots=True, eq=False)
class _Direction:
    """Changes of x; of each term's rows, excess and duals; of each bound's slack and dual."""

    change: Floats
    terms: list[tuple[Floats, Floats, Floats, Floats]]
    bounds: list[tuple[Floats, Floats]]


def _limit(reach: Floats, value: Floats, change: Floats) -> None:
    falling = change < 0
    ratio = np.where(falling, value / np.where(falling, -change, 1.0), np.inf)
    np.minimum(reach, ratio.min(axis=1, keepdims=True), out=reach)
