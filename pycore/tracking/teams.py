"""Which players wear the same kit."""

from collections.abc import Sequence

import numpy as np

from pycore.tracking.types import Floats, Track

APART = 0.12
"""Distance between kits (1 - cosine, what all have in common left out) from which they are two."""
MOST = 4
"""Two teams, their goalkeepers or the referees: more groups than these are not told apart."""


def teams(tracks: Sequence[Track]) -> list[int]:
    """A number from 0 for each track, the most worn kit first; -1 without an appearance.

    Tracks are joined bottom up, nearest first, groups weighted by how long their players were seen (average
    linkage); what is left over beyond MOST groups joins the nearest of them."""
    known = [index for index, track in enumerate(tracks) if track.feature is not None]
    result = [-1] * len(tracks)
    if not known:
        return result
    features = np.stack([np.asarray(tracks[index].feature) for index in known])
    weights = np.array([float((tracks[index].scores > 0).sum()) for index in known])
    groups = _groups(features, np.maximum(weights, 1.0))
    sizes = [weights[group].sum() for group in groups]
    for number, which in enumerate(sorted(range(len(groups)), key=lambda i: -sizes[i])):
        for row in groups[which]:
            result[known[row]] = number
    return result


def _groups(features: Floats, weights: Floats) -> list[list[int]]:
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    apart = 1 - unit @ unit.T
    groups = [[index] for index in range(len(unit))]
    between = apart.copy()
    np.fill_diagonal(between, np.inf)
    mass = weights.copy()
    while len(groups) > 1:
        first, second = divmod(int(between.argmin()), len(groups))
        if between[first, second] > APART and len(groups) <= MOST:
            break
        share = mass[first] / (mass[first] + mass[second])
        merged = share * between[first] + (1 - share) * between[second]
        between[first], between[:, first] = merged, merged
        between[first, first] = np.inf
        between = np.delete(np.delete(between, second, 0), second, 1)
        groups[first] += groups.pop(second)
        mass[first] += mass[second]
        mass = np.delete(mass, second)
    return groups
