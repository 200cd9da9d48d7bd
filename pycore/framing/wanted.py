"""The request for where the crop goes with a player of an analysed medium: page and server ask the same.
Without numpy, as path.py."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from pycore.protocol import Framing, Keyframe, PlanPath, Scene, TrackColumns, Tracking


def wanted_path(
    key: str,
    tracking: Tracking,
    player: TrackColumns | None,
    scene: Scene,
    framing: Framing,
    keyframes: Sequence[Keyframe],
) -> PlanPath:
    """`player`: the chosen one's columns, with the person's corrections."""
    times = tracking.times_us
    cuts = [times[frame] for frame in tracking.cuts]
    return PlanPath(key, scene, framing, times, cuts, player, tracking.ball, list(keyframes))


def part(tracking: Tracking, from_us: int, to_us: int) -> Tracking:
    """What was found from one moment on and before another."""
    times = tracking.times_us
    first, behind = bisect_left(times, from_us), bisect_left(times, to_us)
    return replace(
        tracking,
        times_us=times[first:behind],
        cuts=[cut - first for cut in tracking.cuts if first <= cut < behind],
        tracks=[_part(track, first, behind) for track in tracking.tracks],
        ball=None if tracking.ball is None else _part(tracking.ball, first, behind),
    )


def _part(track: TrackColumns, first: int, behind: int) -> TrackColumns:
    rows = slice(bisect_left(track.frames, first), bisect_left(track.frames, behind))
    return replace(
        track,
        frames=[frame - first for frame in track.frames[rows]],
        boxes=track.boxes[4 * rows.start : 4 * rows.stop],
        scores=track.scores[rows],
        sights=track.sights[rows],
    )
