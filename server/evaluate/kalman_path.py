"""The crop that the usual tracker's filter would give: what framing is compared with."""

import numpy as np

from pycore.protocol import Size
from pycore.tracking import Floats

_POSITION = 1 / 20
_VELOCITY = 1 / 160
"""Standard deviations as shares of the player's height: those of DeepSORT and its heirs (Wojke, Bewley and
Paulus, ICIP 2017)."""


def kalman_path(seen: Floats, path: Floats, picture: Size) -> Floats:
    """(N, 4) crops of `path`'s sizes around the player's centre as a Kalman filter with constant velocity
    knows it; without a box it predicts. seen: (N, 4), NaN where the player is lost."""
    known = np.flatnonzero(~np.isnan(seen[:, 0]))
    centres = seen[:, :2] + seen[:, 2:] / 2
    height = float(seen[known[0], 3])
    state = np.stack([centres[known[0]], np.zeros(2)])  # position and velocity, of x and y
    spread = np.diag([(2 * _POSITION * height) ** 2, (10 * _VELOCITY * height) ** 2])
    step = np.array([[1.0, 1.0], [0.0, 1.0]])
    result = np.zeros((len(seen), 2))
    result[: known[0]] = state[0]
    for frame in range(known[0], len(seen)):
        if frame > known[0]:
            noise = np.diag([(_POSITION * height) ** 2, (_VELOCITY * height) ** 2])
            state, spread = step @ state, step @ spread @ step.T + noise
        if not np.isnan(seen[frame, 0]):
            height = float(seen[frame, 3])
            gain = spread[:, :1] / (spread[0, 0] + (_POSITION * height) ** 2)
            state = state + gain * (centres[frame] - state[0])
            spread = spread - gain @ spread[:1]
        result[frame] = state[0]
    sizes = path[:, 2:]
    corner = np.clip(result - sizes / 2, 0.0, np.array([picture.width, picture.height]) - sizes)
    return np.concatenate([corner, sizes], axis=1)
