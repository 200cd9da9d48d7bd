"""Exact assignment on sparse costs. Gating leaves few candidate pairs, which fall into small connected
components; each is solved by itself, most of them without any search."""

from collections.abc import Sequence

import numpy as np

from pycore.tracking.types import Bools, Floats, Ints


def assign(cost: Floats, allowed: Bools) -> tuple[Ints, Ints]:
    """The matching of rows to columns with the smallest total cost, among allowed pairs, where leaving a
    row or column out costs nothing: so only pairs of negative cost can be in it, and not all of those need
    be.

    cost: (R, C), the price of a pair less the price of leaving both alone. Returns (rows, columns), rows
    rising."""
    rows, columns = np.nonzero(allowed & (cost < 0))
    return assign_pairs(rows, columns, cost[rows, columns])


def assign_pairs(rows: Ints, columns: Ints, prices: Floats) -> tuple[Ints, Ints]:
    """The same for candidate pairs (K,) of negative price, each pair at most once."""
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # A pair whose row and column are in no other pair is its own component.
    alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    pairs = list(zip(rows[alone].tolist(), columns[alone].tolist(), strict=True))
    rest = ~alone
    if rest.any():
        edges = zip(rows[rest].tolist(), columns[rest].tolist(), prices[rest].tolist(), strict=True)
        for component in _components(list(edges)):
            pairs += _solve(component)
    pairs.sort()
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


_Edge = tuple[int, int, float]


def _components(edges: Sequence[_Edge]) -> list[list[_Edge]]:
    parent: dict[int, int] = {}  # columns are kept apart from rows as -1 - column

    def root(node: int) -> int:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    for row, column, _ in edges:
        parent[root(row)] = root(-1 - column)
    found: dict[int, list[_Edge]] = {}
    for edge in edges:
        found.setdefault(root(edge[0]), []).append(edge)
    return list(found.values())


def _solve(edges: list[_Edge]) -> list[tuple[int, int]]:
    """One component's matching, by shortest augmenting paths (Jonker and Volgenant)."""
    rows = sorted({edge[0] for edge in edges})
    columns = sorted({edge[1] for edge in edges})
    if len(rows) == 1 or len(columns) == 1:
        row, column, _ = min(edges, key=lambda edge: edge[2])
        return [(row, column)]
    turned = len(rows) > len(columns)
    if turned:
        rows, columns = columns, rows
    row_of = {row: i for i, row in enumerate(rows)}
    column_of = {column: j for j, column in enumerate(columns)}
    # Pairs that are not allowed cost as much as leaving both out, so taking one means nothing.
    matrix = [[0.0] * len(columns) for _ in rows]
    for row, column, price in edges:
        if turned:
            row, column = column, row
        matrix[row_of[row]][column_of[column]] = price
    chosen = shortest_augmenting_paths(matrix)
    pairs = [(rows[i], columns[j]) for i, j in enumerate(chosen) if matrix[i][j] < 0]
    return [(j, i) for i, j in pairs] if turned else pairs


def shortest_augmenting_paths(matrix: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row in the cheapest full assignment of a dense matrix with no more rows than
    columns."""
    width = len(matrix[0])
    row_price = [0.0] * len(matrix)
    column_price = [0.0] * width
    owner = [-1] * width
    chosen = [-1] * len(matrix)
    for start in range(len(matrix)):
        distance = [float("inf")] * width
        before = [-1] * width
        waiting = list(range(width))
        done: list[int] = []
        row, reached = start, 0.0
        while True:
            costs, price = matrix[row], row_price[row]
            nearest, column = float("inf"), -1
            for j in waiting:
                length = reached + costs[j] - price - column_price[j]
                if length < distance[j]:
                    distance[j], before[j] = length, row
                if distance[j] < nearest:
                    nearest, column = distance[j], j
            reached = nearest
            if owner[column] < 0:
                break
            waiting.remove(column)
            done.append(column)
            row = owner[column]
        row_price[start] += reached
        for j in done:
            column_price[j] += distance[j] - reached
            row_price[owner[j]] += reached - distance[j]
        while True:
            row = before[column]
            owner[column] = row
            chosen[row], column = column, chosen[row]
            if row == start:
                break
    return chosen
