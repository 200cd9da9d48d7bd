"""Tracks as the document that crosses boundaries."""

from collections.abc import Sequence

import numpy as np

from pycore.protocol import Size, TrackColumns, Tracking
from pycore.tracking.appearance import BINS, color_of
from pycore.tracking.teams import teams
from pycore.tracking.types import Track


def tracking_of(
    tracks: Sequence[Track],
    times_us: Sequence[int],
    size: Size,
    cuts: Sequence[int] = (),
    made_by: str = "",
    ball: Track | None = None,
) -> Tracking:
    """`tracks` of the frames at `times_us`. Boxes are rounded to a tenth of a pixel and clipped to the
    picture; what lies outside of it is left out."""
    numbers = teams(tracks)
    kits: dict[int, np.ndarray] = {}
    for track, team in zip(tracks, numbers, strict=True):
        if track.feature is not None and len(track.feature) == BINS:
            kits[team] = kits.get(team, 0) + np.asarray(track.feature) * (track.scores > 0).sum()
    columns = [
        _columns(track, team, color_of(kits[team]) if team in kits else "", size)
        for track, team in zip(tracks, numbers, strict=True)
    ]
    kept = [each for each in columns if each.frames]
    there = None if ball is None else _columns(ball, -1, "", size)
    return Tracking(size, list(times_us), list(cuts), kept, there, made_by)


def _columns(track: Track, team: int, color: str, size: Size) -> TrackColumns:
    corner = np.clip(track.boxes[:, :2], 0, (size.width, size.height))
    other = np.clip(track.boxes[:, :2] + track.boxes[:, 2:], 0, (size.width, size.height))
    boxes = np.round(np.concatenate((corner, other - corner), axis=1), 1)
    inside = (boxes[:, 2:] >= 1).all(axis=1)
    return TrackColumns(
        str(track.id),
        track.frames[inside].tolist(),
        boxes[inside].ravel().tolist(),
        np.round(track.scores[inside], 2).tolist(),
        track.sights[inside].tolist(),
        team,
        color,
    )
