"""Corrections of tracks, whom a click means, and what is told of players."""

import pytest

from pycore import players
from pycore.protocol import (
    Joined,
    Placed,
    Rect,
    ReelError,
    Size,
    Span,
    SplitAt,
    Swapped,
    TrackColumns,
    TrackEdit,
    Tracking,
)

STEP = 40_000
COUNT = 50


def track(name: str, frames: range, x: float, sights: dict[int, int] | None = None) -> TrackColumns:
    """20x50, one pixel to the right a frame."""
    seen = [(sights or {}).get(frame, 0) for frame in frames]
    boxes = [number for frame in frames for number in (x + frame, 100.0, 20.0, 50.0)]
    return TrackColumns(name, list(frames), boxes, [0.9 if not sight else 0.0 for sight in seen], seen)


def tracking(*tracks: TrackColumns) -> Tracking:
    return Tracking(Size(640, 360), [STEP * frame for frame in range(COUNT)], [], list(tracks))


def held(tracks: list[TrackColumns]) -> dict[str, list[int]]:
    return {each.id: each.frames for each in tracks}


def test_a_split_gives_the_rest_a_new_id() -> None:
    found = tracking(track("1", range(50), 10))
    got = held(players.corrected(found, [SplitAt("1", 20 * STEP, "7")]))
    assert got == {"1": list(range(20)), "7": list(range(20, 50))}


def test_a_join_fills_a_short_gap_and_says_that_it_is_guessed() -> None:
    found = tracking(track("1", range(20), 10), track("2", range(25, 50), 10))
    (joined,) = players.corrected(found, [Joined("1", "2")])
    assert joined.frames == list(range(50))
    assert joined.sights[20:25] == [2] * 5
    assert joined.boxes[4 * 22] == pytest.approx(32)


def test_swapped_tails() -> None:
    found = tracking(track("1", range(50), 10), track("2", range(50), 200))
    first, second = players.corrected(found, [Swapped("1", "2", 30 * STEP)])
    assert (first.boxes[4 * 29], first.boxes[4 * 30]) == (39, 230)
    assert (second.boxes[4 * 29], second.boxes[4 * 30]) == (229, 40)


def test_a_player_placed_by_hand() -> None:
    found = tracking(track("1", range(20), 10))
    (placed,) = players.corrected(found, [Placed("1", 22 * STEP, Rect(100, 100, 20, 50))])
    assert placed.frames == list(range(23))
    assert (placed.sights[22], placed.boxes[4 * 22]) == (0, 100)
    assert placed.sights[20:22] == [2, 2]


@pytest.mark.parametrize(
    "edit",
    [
        SplitAt("9", 0, "8"),
        Joined("1", "9"),
        Joined("1", "1"),
        Swapped("9", "1", 0),
        Placed("9", 0, Rect(0, 0, 1, 1)),
    ],
)
def test_an_edit_of_what_is_not_there_does_nothing(edit: TrackEdit) -> None:
    found = tracking(track("1", range(50), 10))
    assert players.corrected(found, [edit]) == found.tracks


def test_a_click_means_the_nearest_box_in_reach() -> None:
    found = [track("1", range(50), 100), track("2", range(50), 140)]
    times = tracking().times_us
    assert players.at_point(found, times, 110, 120, 0) == "1"
    assert players.at_point(found, times, 136, 120, 0) == "2"  # beside both
    assert players.at_point(found, times, 95, 90, 0) == "1"
    assert players.at_point(found, times, 400, 120, 0) == ""
    assert players.at_point(found, [], 110, 120, 0) == ""


def test_of_boxes_that_cover_each_other_the_middle_decides() -> None:
    found = [track("1", range(50), 100), track("2", range(50), 108)]
    assert players.at_point(found, tracking().times_us, 112, 125, 0) == "1"
    assert players.at_point(found, tracking().times_us, 117, 125, 0) == "2"


def test_relinking_a_lost_player() -> None:
    found = tracking(track("1", range(20), 10), track("2", range(25, 50), 10))
    assert players.relinked(found, [], "1", 45, 120, 28 * STEP) == Joined("1", "2")
    # Somebody else who was there all along: they swap where the player was last seen.
    found = tracking(track("1", range(20), 10), track("2", range(50), 300))
    assert players.relinked(found, [], "1", 335, 120, 28 * STEP) == Swapped("1", "2", 20 * STEP)
    # Nobody is there.
    edit = players.relinked(found, [], "1", 50, 125, 28 * STEP)
    assert edit == Placed("1", 28 * STEP, Rect(40, 100, 20, 50))
    with pytest.raises(ReelError) as caught:
        players.relinked(found, [], "9", 50, 125, 0)
    assert caught.value.problem.code == "players.unknown"


def test_spans_cover_the_medium_and_hide_nothing() -> None:
    found = tracking(track("1", range(10, 30), 10, {12: 1, 13: 1, 20: 2}))
    (told,) = players.players(found.tracks, found, COUNT * STEP)
    assert told.spans == [
        Span(0, 10 * STEP, -1),
        Span(10 * STEP, 12 * STEP, 0),
        Span(12 * STEP, 14 * STEP, 1),
        Span(14 * STEP, 20 * STEP, 0),
        Span(20 * STEP, 21 * STEP, 2),
        Span(21 * STEP, 30 * STEP, 0),
        Span(30 * STEP, 50 * STEP, -1),
    ]
    assert told.seen == pytest.approx(17 / 50)


def test_new_ids_are_new() -> None:
    found = [track("1", range(5), 0), track("12", range(5), 0)]
    assert players.new_id(found, [SplitAt("1", 0, "20")]) == "21"
