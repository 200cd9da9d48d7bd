"""Exact assignment, against trying everything."""

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pycore.tracking import assign
from pycore.tracking.assignment import shortest_augmenting_paths


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    # Whole numbers make ties, where wrong algorithms go wrong.
    cost = draw(
        st.lists(st.integers(-6, 3), min_size=rows * columns, max_size=rows * columns).map(
            lambda cells: np.array(cells, float).reshape(rows, columns)
        )
    )
    allowed = draw(
        st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns).map(
            lambda cells: np.array(cells, bool).reshape(rows, columns)
        )
    )
    return cost, allowed


def cheapest(
    cost: np.ndarray, allowed: np.ndarray, row: int = 0, taken: frozenset[int] = frozenset()
) -> float:
    if row == len(cost):
        return 0.0
    best = cheapest(cost, allowed, row + 1, taken)
    for column in np.flatnonzero(allowed[row]):
        if column not in taken:
            rest = cheapest(cost, allowed, row + 1, taken | {int(column)})
            best = min(best, cost[row, column] + rest)
    return best


@given(problems())
def test_no_matching_is_cheaper(problem: tuple[np.ndarray, np.ndarray]) -> None:
    cost, allowed = problem
    rows, columns = assign(cost, allowed)
    assert len(set(rows.tolist())) == len(rows)
    assert len(set(columns.tolist())) == len(columns)
    assert allowed[rows, columns].all()
    assert cost[rows, columns].sum() == cheapest(cost, allowed)


@given(st.integers(1, 4), st.integers(0, 2), st.randoms(use_true_random=False))
def test_full_assignments_of_dense_matrices(rows: int, more: int, random) -> None:
    matrix = [[random.randint(-9, 9) + random.random() for _ in range(rows + more)] for _ in range(rows)]
    found = shortest_augmenting_paths(matrix)
    total = sum(matrix[i][j] for i, j in enumerate(found))
    assert len(set(found)) == rows
    best = min(
        sum(matrix[i][j] for i, j in enumerate(order)) for order in permutations(range(rows + more), rows)
    )
    assert abs(total - best) < 1e-9


def test_a_crowd_of_sixty_in_one_component() -> None:
    rng = np.random.default_rng(3)
    places = rng.permutation(60)
    cost = rng.uniform(-1, 0, (60, 60))
    cost[np.arange(60), places] = -60.0
    rows, columns = assign(cost, np.ones((60, 60), bool))
    assert columns[rows.argsort()].tolist() == places.tolist()


def test_nothing_to_assign() -> None:
    for shape in ((0, 0), (0, 3), (3, 0), (2, 2)):
        rows, columns = assign(np.ones(shape), np.ones(shape, bool))
        assert len(rows) == len(columns) == 0
