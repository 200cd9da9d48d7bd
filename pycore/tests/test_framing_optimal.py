"""The optimal path in a tube: it stays inside, and no other path in the tube costs less."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycore.framing.banded import BAND, Factors
from pycore.framing.optimal import Cost, Costs, differences, optimal_path
from pycore.framing.tube import passable
from pycore.tracking import Floats

COSTS = Costs(Cost(0.05, 0.01), Cost(0.01, 0.02), Cost(0.0, 0.003))
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None)


def cost(x: Floats, times: Floats, target: Floats, pull: Floats) -> float:
    steps = np.diff(times)
    total = float((pull * np.r_[steps, steps[-1]] * (x - target) ** 2 / 2).sum())
    for order, each in enumerate((COSTS.velocity, COSTS.acceleration, COSTS.jerk), 1):
        rows = differences(steps, order)
        values = np.array([rows[i] @ x[i : i + order + 1] for i in range(len(rows))])
        spans = np.array([steps[i : i + order].mean() for i in range(len(rows))])
        total += float((spans * (each.absolute * np.abs(values) + each.square * values**2 / 2)).sum())
    return total


@given(seeds, st.integers(1, 90))
@quick
def test_banded_systems_are_solved(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    whole = np.zeros((2, count, count))
    for order in range(min(count, BAND + 1)):
        rows = np.diff(np.eye(count), order, axis=0)
        whole += np.einsum("ki,bk,kj->bij", rows, random.uniform(0.1, 2, (2, len(rows))), rows)
    band = np.zeros((2, BAND + 1, count))
    for d in range(min(count, BAND + 1)):
        band[:, d, : count - d] = np.diagonal(whole, d, 1, 2)
    band[:, 1:, -1] = np.nan  # beyond the last unknown: never looked at
    right = random.standard_normal((2, count))
    np.testing.assert_allclose(Factors(band).solve(right), np.linalg.solve(whole, right[..., None])[..., 0])


def test_differences_are_derivatives() -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.1, 9))
    cubic = 2 * times**3 - times**2 + 5 * times
    for order, wanted in ((3, 12.0),):
        rows = differences(np.diff(times), order)
        got = [rows[i] @ cubic[i : i + order + 1] for i in range(len(rows))]
        assert got == pytest.approx([wanted] * len(rows))


@given(seeds, st.integers(4, 80))
@quick
def test_no_path_in_the_tube_costs_less(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    times = np.cumsum(random.uniform(0.01, 0.06, count))
    middle = np.cumsum(random.normal(0, 0.05, count))
    low, high = middle - random.uniform(0, 0.5, count), middle + random.uniform(0, 0.5, count)
    high[count // 2] = low[count // 2]  # a keyframe
    pull = random.uniform(0, 1, count)
    found = optimal_path(
        times, low[None], high[None], middle[None], pull[None], COSTS, np.full((1, count - 1), np.inf)
    )[0]
    assert (found >= low).all() and (found <= high).all()
    least = cost(found, times, middle, pull)
    for _ in range(30):  # convex: near it is enough
        wave = np.cumsum(random.normal(0, 1, count)) * 10.0 ** -random.uniform(1, 5)
        other = np.clip(found + wave * random.uniform(0, 1, count).round(), low, high)
        assert cost(other, times, middle, pull) >= least - 1e-6 * max(1.0, least)


@given(seeds, st.integers(2, 120), st.floats(0.05, 3.0))
@quick
def test_speed_is_kept_where_that_is_possible(seed: int, count: int, speed: float) -> None:
    random = np.random.default_rng(seed)
    times = np.arange(count) / 25
    middle = np.cumsum(random.normal(0, 0.04, count))
    if seed % 2:
        middle[count // 2 :] += 2.0  # a jump that cannot be made at that speed
    low, high = middle - 0.1, middle + 0.1
    limits = passable(low, high, np.diff(times), speed)
    found = optimal_path(
        times, low[None], high[None], middle[None], np.ones((1, count)), COSTS, limits[None]
    )[0]
    assert (found >= low).all() and (found <= high).all()
    assert (np.abs(np.diff(found)) * 25 <= limits + 1e-5).all()
    assert (limits >= speed).all()
    wide = passable(middle - 100, middle + 100, np.diff(times), speed)
    assert (wide <= speed * 1.03).all()


def test_what_nothing_pulls_stands_still() -> None:
    times = np.arange(100) / 25
    low, high = np.full((1, 100), -1.0), np.full((1, 100), 1.0)
    low[0, 60:] = 0.5
    target = np.zeros((1, 100))
    found = optimal_path(times, low, high, target, np.full((1, 100), 1e-3), COSTS, np.full((1, 99), np.inf))
    assert found[0, :20] == pytest.approx(np.full(20, found[0, 0]), abs=1e-3)
    assert found[0, 70:] == pytest.approx(np.full(30, 0.5), abs=1e-3)
