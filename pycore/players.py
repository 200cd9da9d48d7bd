"""The players of a clip: what an analysis found, as the person corrected it. Pure functions from tracks to
tracks."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import assert_never

from pycore.protocol import (
    Joined,
    Placed,
    Player,
    Rect,
    ReelError,
    Span,
    SplitAt,
    Swapped,
    TrackColumns,
    TrackEdit,
    Tracking,
)

SEEN, GUESSED, LOST = 0, 2, -1
_FILL_US = 1_000_000
"""Longest gap that is filled where a person joins two pieces or places a player."""
_NEAR_US = 250_000
"""How far a moment may be from a track's box to be about it."""
_ROW = tuple[int, list[float], float, int]


def corrected(tracking: Tracking, edits: Sequence[TrackEdit]) -> list[TrackColumns]:
    """The tracks after the edits, in their order. An edit of a track that is not there (any more) does
    nothing."""
    tracks = {track.id: track for track in tracking.tracks}
    times = tracking.times_us
    for edit in edits:
        match edit:
            case SplitAt(track_id, time_us, new_id):
                if track_id in tracks and new_id not in tracks:
                    before, after = _cut(tracks[track_id], bisect_left(times, time_us))
                    if before.frames and after.frames:
                        tracks[track_id] = before
                        tracks[new_id] = replace(after, id=new_id)
            case Joined(track_id, other_id):
                if track_id in tracks and other_id in tracks and track_id != other_id:
                    tracks[track_id] = _merged(tracks[track_id], tracks.pop(other_id), times)
            case Swapped(track_id, other_id, time_us):
                if track_id in tracks and other_id in tracks and track_id != other_id:
                    frame = bisect_left(times, time_us)
                    first, first_tail = _cut(tracks[track_id], frame)
                    second, second_tail = _cut(tracks[other_id], frame)
                    tracks[track_id] = _merged(first, second_tail, times)
                    tracks[other_id] = _merged(second, first_tail, times)
            case Placed(track_id, time_us, box):
                if track_id in tracks and times:
                    tracks[track_id] = _placed(tracks[track_id], nearest_frame(times, time_us), box, times)
            case _:
                assert_never(edit)
    return [track for track in tracks.values() if track.frames]


def players(tracks: Sequence[TrackColumns], tracking: Tracking, duration_us: int) -> list[Player]:
    """Everyone, who is seen most first."""
    times = tracking.times_us
    step = _step(times)
    told = []
    for track in tracks:
        spans = _spans(track, times, duration_us, step)
        seen = sum(span.to_us - span.from_us for span in spans if span.sight == SEEN)
        best = max(range(len(track.frames)), key=lambda row: (track.scores[row], track.boxes[4 * row + 3]))
        portrait = Rect(*track.boxes[4 * best : 4 * best + 4])
        share = round(seen / max(duration_us, 1), 3)
        told.append(
            Player(track.id, track.team, track.color, spans, times[track.frames[best]], portrait, share)
        )
    return sorted(told, key=lambda player: -player.seen)


def nearest_frame(times_us: Sequence[int], time_us: int) -> int:
    after = min(bisect_left(times_us, time_us), len(times_us) - 1)
    before = max(after - 1, 0)
    return before if time_us - times_us[before] < times_us[after] - time_us else after


def box_at(track: TrackColumns, frame: int) -> Rect | None:
    """The track's box in that analysed frame."""
    row = bisect_left(track.frames, frame)
    if row == len(track.frames) or track.frames[row] != frame:
        return None
    return Rect(*track.boxes[4 * row : 4 * row + 4])


def at_point(
    tracks: Sequence[TrackColumns], times_us: Sequence[int], x: float, y: float, time_us: int
) -> str:
    """Id of the player whom a click at (x, y) in the frame at `time_us` means: of all in reach the nearest
    box, and of boxes that hold the point the one whose middle is nearest in heights. "" for nobody."""
    if not times_us:
        return ""
    frame = nearest_frame(times_us, time_us)
    best, chosen = (math.inf, math.inf), ""
    for track in tracks:
        box = box_at(track, frame)
        if box is None:
            continue
        dx = max(box.x - x, 0.0, x - box.x - box.width)
        dy = max(box.y - y, 0.0, y - box.y - box.height)
        away = math.hypot(dx, dy)
        if away > reach(box):
            continue
        middle = math.hypot(x - box.x - box.width / 2, y - box.y - box.height / 2) / max(box.height, 1)
        best, chosen = min((best, chosen), ((away, middle), track.id))
    return chosen


def reach(box: Rect) -> float:
    """How far beside a player, in pixels, a click still means the player."""
    return max(0.6 * box.height, 24.0)


def relinked(
    tracking: Tracking, edits: Sequence[TrackEdit], track_id: str, x: float, y: float, time_us: int
) -> TrackEdit:
    """The edit by which the player `track_id` is, from `time_us` on, whoever is at (x, y).

    Tracks that are never there together are one. Else they are swapped: from this moment on where the
    player has another box now, from the last sighting on where the player is lost. Where nobody is at the
    point, the player is placed there. Raises ReelError `players.unknown`."""
    tracks = corrected(tracking, edits)
    player = next((track for track in tracks if track.id == track_id), None)
    if player is None:
        raise unknown(track_id)
    others = [track for track in tracks if track.id != track_id]
    other_id = at_point(others, tracking.times_us, x, y, time_us)
    frame = nearest_frame(tracking.times_us, time_us)
    if not other_id:
        row = min(bisect_left(player.frames, frame), len(player.frames) - 1)
        width, height = player.boxes[4 * row + 2 : 4 * row + 4]
        return Placed(track_id, time_us, Rect(x - width / 2, y - height / 2, width, height))
    other = next(track for track in others if track.id == other_id)
    if not set(player.frames) & set(other.frames):
        return Joined(track_id, other_id)
    if box_at(player, frame) is None:
        before = bisect_left(player.frames, frame) - 1
        frame = player.frames[before] + 1 if before >= 0 else 0
    return Swapped(track_id, other_id, tracking.times_us[frame])


def new_id(tracks: Sequence[TrackColumns], edits: Sequence[TrackEdit]) -> str:
    """An id that nothing has had."""
    used = [track.id for track in tracks]
    used += [edit.new_id for edit in edits if isinstance(edit, SplitAt)]
    return str(1 + max((int(each) for each in used if each.isdecimal()), default=0))


def unknown(track_id: str) -> ReelError:
    return ReelError.of(
        "players.unknown",
        "There is no such player",
        f"The clip has no track {track_id!r}.",
        "Choose one from the list.",
        404,
    )


def _rows(track: TrackColumns) -> list[_ROW]:
    return [
        (frame, track.boxes[4 * row : 4 * row + 4], track.scores[row], track.sights[row])
        for row, frame in enumerate(track.frames)
    ]


def _of(track: TrackColumns, rows: Sequence[_ROW]) -> TrackColumns:
    return replace(
        track,
        frames=[row[0] for row in rows],
        boxes=[number for row in rows for number in row[1]],
        scores=[row[2] for row in rows],
        sights=[row[3] for row in rows],
    )


def _cut(track: TrackColumns, frame: int) -> tuple[TrackColumns, TrackColumns]:
    """Before that frame, and from it on."""
    rows = _rows(track)
    at = bisect_left(track.frames, frame)
    return _of(track, rows[:at]), _of(track, rows[at:])


def _merged(track: TrackColumns, other: TrackColumns, times: Sequence[int]) -> TrackColumns:
    rows = {row[0]: row for row in _rows(other)} | {row[0]: row for row in _rows(track)}
    return _of(track, _filled([rows[frame] for frame in sorted(rows)], times))


def _placed(track: TrackColumns, frame: int, box: Rect, times: Sequence[int]) -> TrackColumns:
    rows = {row[0]: row for row in _rows(track)}
    rows[frame] = (frame, [box.x, box.y, box.width, box.height], 1.0, SEEN)
    return _of(track, _filled([rows[number] for number in sorted(rows)], times))


def _filled(rows: Sequence[_ROW], times: Sequence[int]) -> list[_ROW]:
    """With short gaps interpolated."""
    result: list[_ROW] = []
    for row in rows:
        last = result[-1] if result else row
        gap_us = times[row[0]] - times[last[0]]
        if row[0] - last[0] > 1 and gap_us <= _FILL_US:
            for frame in range(last[0] + 1, row[0]):
                share = (times[frame] - times[last[0]]) / gap_us
                box = [round(a + (b - a) * share, 1) for a, b in zip(last[1], row[1], strict=True)]
                result.append((frame, box, 0.0, GUESSED))
        result.append(row)
    return result


def _step(times: Sequence[int]) -> int:
    """The usual time from one analysed frame to the next."""
    steps = sorted(b - a for a, b in pairwise(times))
    return steps[len(steps) // 2] if steps else 33_333


def _spans(track: TrackColumns, times: Sequence[int], duration_us: int, step: int) -> list[Span]:
    spans: list[Span] = []

    def add(from_us: int, to_us: int, sight: int) -> None:
        to_us = min(to_us, duration_us)
        if from_us >= to_us:
            return
        if spans and spans[-1].sight == sight:
            spans[-1] = replace(spans[-1], to_us=to_us)
        else:
            spans.append(Span(from_us, to_us, sight))

    reached = 0
    for row, frame in enumerate(track.frames):
        begins = times[frame]
        if begins > reached:
            add(reached, begins, LOST)
        ends = times[frame + 1] if frame + 1 < len(times) else max(duration_us, begins + step)
        add(begins, ends, track.sights[row])
        reached = ends
    add(reached, duration_us, LOST)
    return spans
