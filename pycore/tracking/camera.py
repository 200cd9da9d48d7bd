"""The camera's motion between two frames, from the detections themselves: what most players did together."""

import numpy as np

from pycore.tracking.types import STILL, CameraMotion, Floats

REACH = 1.5
"""How far, in heights of a player, the camera may have moved beyond what was expected."""
BLUR = 0.12
"""How well, in heights of a player, players agree about the camera's motion."""
MOST = 400
"""Pairs that vote: in a crowd the nearest ones."""
ZOOM = 0.002
"""How much the picture's scale may change in a frame, standard deviation."""


def common_motion(expected: Floats, found: Floats, jitter: float) -> CameraMotion:
    """What has to be done to boxes expected (N, 4) so that they meet boxes found (M, 4), both by their
    centre.

    Every pair of similar size votes for a shift, the shift with the widest support wins, and its supporters
    fit shift and zoom. jitter: standard deviation of the unexpected motion of a camera, in heights of a
    player; the fit is shrunk to none by as much as few or discordant players say about it."""
    if len(expected) < 3 or len(found) < 3:
        return STILL
    height = float(np.median(expected[:, 3]))
    apart = (found[None, :, :2] - expected[:, None, :2]) / height
    ratio = np.abs(np.log(found[None, :, 3] / expected[:, None, 3]))
    rows, columns = np.nonzero((np.abs(apart).max(axis=2) < REACH) & (ratio < 0.35))
    if len(rows) < 3:
        return STILL
    votes = apart[rows, columns]
    if len(votes) > MOST:
        nearest = np.argsort((votes**2).sum(axis=1), kind="stable")[:MOST]
        rows, columns, votes = rows[nearest], columns[nearest], votes[nearest]
    away = ((votes[:, None] - votes[None, :]) ** 2).sum(axis=2) / (2 * BLUR * BLUR)
    near = np.exp(-away)
    # A mild preference for staying decides between shifts that are supported alike.
    support = near.sum(axis=1) * np.exp(-(votes**2).sum(axis=1) / 2)
    chosen = near[int(support.argmax())]
    chosen = chosen * (chosen > 0.05)
    mass = float(chosen.sum())
    source, target = expected[rows, :2], found[columns, :2]
    centre = (chosen[:, None] * source).sum(axis=0) / mass
    shift = (chosen[:, None] * (target - source)).sum(axis=0) / mass
    offset = source - centre
    spread = (target - source - shift) / height
    noise = float((chosen[:, None] * spread**2).sum()) / (2 * mass) + 0.02**2
    shift *= jitter**2 / (jitter**2 + noise / mass)
    lever = float((chosen[:, None] * (offset / height) ** 2).sum())
    zoom = float((chosen[:, None] * offset / height * spread).sum()) / (lever + noise / ZOOM**2)
    scale = 1 + zoom
    move = centre + shift - scale * centre
    return CameraMotion(scale, float(move[0]), float(move[1]))


def then(first: CameraMotion, second: CameraMotion) -> CameraMotion:
    """Both, one after the other."""
    return CameraMotion(
        second.scale * first.scale, second.scale * first.x + second.x, second.scale * first.y + second.y
    )
