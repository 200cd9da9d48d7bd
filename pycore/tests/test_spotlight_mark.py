"""What a mark is in a frame: sized by the player, inside the crop, gone with the player."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycore.protocol import PathPoint, Rect, ReelError, Spotlight, SpotlightStyle
from pycore.spotlight.font import LONGEST, set_text
from pycore.spotlight.mark import FADE_US, Mark, Marker

CROP = Rect(100, 50, 90, 160)
NAMED = Spotlight(SpotlightStyle.RING, "Müller")


def mark(box: Rect, spotlight: Spotlight = NAMED, crop: Rect = CROP) -> Mark:
    made = Marker(spotlight, [PathPoint(0, box)]).mark(0, crop)
    assert made is not None
    return made


def test_places_are_told_from_the_crops_corner() -> None:
    made = mark(Rect(130, 100, 20, 50))
    assert made.feet == (40, 100)
    assert made.centre == (40, 75)
    assert made.height == 50


def test_a_name_stands_above_the_head_and_below_the_feet_where_there_is_no_room() -> None:
    left, top, width, height = mark(Rect(130, 100, 20, 50)).plate
    assert top + height < 50
    assert left + width / 2 == pytest.approx(40)
    below = mark(Rect(130, 52, 20, 50)).plate
    assert below[1] > 52


boxes = st.builds(Rect, st.floats(100, 180), st.floats(50, 200), st.floats(2, 60), st.floats(4, 150))


@given(boxes, st.text(min_size=1, max_size=60), st.floats(20, 400))
def test_a_name_stays_in_the_crop(box: Rect, name: str, height: float) -> None:
    crop = Rect(100, 50, height * 9 / 16, height)
    made = mark(box, Spotlight(SpotlightStyle.LABEL, name), crop)
    if made.line is not None:
        left, top, width, tall = made.plate
        assert left >= 0 and left + width <= crop.width + 1e-6
        assert top >= 0 and top + tall <= crop.height + 1e-6


def test_a_mark_fades_where_the_player_is_lost_and_found() -> None:
    box, nothing = Rect(130, 100, 20, 50), Rect(130, 100, 0, 0)
    points = [
        PathPoint(0, box),
        PathPoint(999_999, box),
        PathPoint(1_000_000, nothing),
        PathPoint(2_000_000, box),
    ]
    marker = Marker(NAMED, points)
    shown = {time: marker.mark(time, CROP) for time in (0, 900_000, 1_500_000, 2_100_000, 2_500_000)}
    opacities = {time: each.opacity if each else None for time, each in shown.items()}
    assert opacities[0] == 1 and opacities[2_500_000] == 1
    assert opacities[1_500_000] is None
    for time in (900_000, 2_100_000):
        assert opacities[time] == pytest.approx(100_000 / FADE_US, abs=0.01)


def test_off_is_off() -> None:
    box = [PathPoint(0, Rect(130, 100, 20, 50))]
    assert not Marker(Spotlight(), box).draws
    assert not Marker(Spotlight(SpotlightStyle.RING, strength=0.0), box).draws
    assert not Marker(NAMED, []).draws
    with pytest.raises(ReelError):
        Marker(Spotlight(SpotlightStyle.RING, color="#12"), box)


def test_names_are_set_in_letters_of_their_own() -> None:
    plain, accented, missing = set_text("Muller"), set_text("Müller"), set_text("漢")
    assert plain and accented and missing
    assert plain.distances != accented.distances
    assert set_text(" \n\t ") is None
    assert set_text("x" * 1000) is set_text("x" * 1000)
    longest = set_text("x" * LONGEST)
    assert longest is not None and set_text("x" * 1000).width == longest.width  # type: ignore[union-attr]
