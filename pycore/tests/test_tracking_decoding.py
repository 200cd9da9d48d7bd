"""What the detector's output means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pycore.tracking.decoding import BALL, PERSON, Window, boxes, decode, padded, peaks


def output(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """heat and box of a net that sees nothing in a picture of 4·height by 4·width."""
    return np.zeros((1, 2, height, width), np.float32), np.full((1, 4, height, width), 8, np.float32)


def test_a_peak_is_a_box_around_its_cells_centre() -> None:
    heat, box = output(6, 9)
    heat[0, PERSON, 2, 5] = 0.9
    box[0, :, 2, 5] = 3, 10, 5, 20
    found = decode(heat, box)
    # The cell's centre is at (5.5 · 4, 2.5 · 4).
    assert found.people.boxes.tolist() == [[22 - 3, 10 - 10, 8, 30]]
    assert found.people.scores == pytest.approx([0.9])
    assert len(found.ball.scores) == 0


def test_a_person_and_the_ball_may_share_a_cell() -> None:
    heat, box = output(6, 9)
    heat[0, :, 2, 5] = 0.9, 0.4
    found = decode(heat, box)
    assert (len(found.people.scores), len(found.ball.scores)) == (1, 1)
    assert found.ball.scores == pytest.approx([heat[0, BALL, 2, 5]])


def test_the_slope_of_a_peak_is_no_detection() -> None:
    heat, box = output(8, 8)
    heat[0, PERSON, 2:5, 2:5] = [[0.3, 0.5, 0.3], [0.6, 0.9, 0.6], [0.3, 0.5, 0.3]]
    assert len(decode(heat, box).people.scores) == 1


def test_neighbours_that_are_equal_are_one_peak() -> None:
    heat = np.zeros((5, 7))
    heat[1:3, 2:4] = 0.5
    found = peaks(heat)
    assert (found.rows.tolist(), found.columns.tolist()) == ([1], [2])


def test_the_best_peaks_come_first_and_the_rest_is_dropped() -> None:
    heat = np.zeros((3, 30))
    heat[1, ::3] = np.linspace(0.2, 0.9, 10)
    found = peaks(heat, most=4)
    assert found.columns.tolist() == [27, 24, 21, 18]
    assert np.all(np.diff(found.scores) < 0)


def test_a_window_of_a_reduced_picture_is_put_back_in_its_place() -> None:
    heat, box = output(6, 9)
    heat[0, PERSON, 2, 5] = 0.9
    found = decode(heat, box, Window(x=100, y=50, across=0.5, down=0.25))
    assert found.people.boxes.tolist() == [[100 + 14 / 0.5, 50 + 2 / 0.25, 16 / 0.5, 16 / 0.25]]


def test_numbers_that_are_none_are_left_out() -> None:
    heat, box = output(6, 9)
    heat[0, PERSON, 2, 2] = heat[0, PERSON, 2, 6] = 0.9
    heat[0, BALL] = np.nan
    box[0, 1, 2, 2] = np.inf
    found = decode(heat, box)
    assert found.people.boxes[:, 0].tolist() == [6.5 * 4 - 8]
    assert len(found.ball.scores) == 0


def test_a_box_turned_inside_out_is_still_a_box() -> None:
    heat, box = output(6, 9)
    heat[0, PERSON, 2, 5] = 0.9
    box[0, :, 2, 5] = -5
    assert (decode(heat, box).people.boxes[:, 2:] > 0).all()


def test_output_of_another_net_is_refused() -> None:
    with pytest.raises(ValueError, match="not \\(1, 2, h, w\\)"):
        decode(np.zeros((1, 80, 4, 4)), np.zeros((1, 4, 4, 4)))


@given(
    arrays(np.float32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.floats(0, 1, width=16))
)
def test_peaks_are_never_neighbours_and_hold_the_maximum(heat: np.ndarray) -> None:
    found = peaks(heat, least=0.0)
    apart = np.maximum(
        np.abs(np.subtract.outer(found.rows, found.rows)),
        np.abs(np.subtract.outer(found.columns, found.columns)),
    )
    assert (apart[~np.eye(len(found.rows), dtype=bool)] > 1).all()
    assert found.scores[0] == heat.max()
    assert len(boxes(found, np.ones((len(found.rows), 4))).scores) == len(found.rows)


@pytest.mark.parametrize(("pixels", "side"), [(1, 32), (32, 32), (33, 64), (1080, 1088), (1920, 1920)])
def test_sides_are_padded_to_multiples_of_32(pixels: int, side: int) -> None:
    assert padded(pixels) == side
