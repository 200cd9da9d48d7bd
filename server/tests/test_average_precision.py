"""Average precision on cases that can be worked out by hand."""

import numpy as np
import pytest

from pycore.tracking import NOTHING, Detections
from server.evaluate.average_precision import average_precision

TRUTH = np.array([[0.0, 0, 10, 20], [100, 0, 10, 20]])


def found(*rows: tuple[float, float]) -> Detections:
    """Detections of the truths' size at (x, score)."""
    return Detections(np.array([[x, 0.0, 10, 20] for x, _ in rows]), np.array([score for _, score in rows]))


def test_all_found_and_nothing_else_is_one() -> None:
    assert average_precision([(TRUTH, found((0, 0.9), (100, 0.3)))]).ap == pytest.approx(1)


def test_half_found_is_the_recalls_up_to_a_half() -> None:
    assert average_precision([(TRUTH, found((0, 0.9)))]).ap == pytest.approx(51 / 101)


def test_a_false_alarm_costs_what_comes_after_it() -> None:
    before = average_precision([(TRUTH, found((50, 0.95), (0, 0.9), (100, 0.8)))])
    # Precision 1/2, then 2/3, made monotone.
    assert before.ap == pytest.approx(2 / 3)
    after = average_precision([(TRUTH, found((50, 0.1), (0, 0.9), (100, 0.8)))])
    assert after.ap == pytest.approx(1)


def test_a_truth_counts_once() -> None:
    result = average_precision([(TRUTH, found((0, 0.9), (1, 0.8), (100, 0.7)))])
    assert result.ap == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_a_box_that_overlaps_by_less_than_half_is_wrong() -> None:
    assert average_precision([(TRUTH[:1], found((3, 0.9)))]).ap == pytest.approx(1)
    assert average_precision([(TRUTH[:1], found((4, 0.9)))]).ap == 0


def test_scores_compare_between_pictures() -> None:
    pictures = [(TRUTH[:1], found((0, 0.2))), (np.zeros((0, 4)), found((0, 0.9)))]
    assert average_precision(pictures).ap == pytest.approx(0.5)


def test_nothing_to_find_is_no_number_and_nothing_found_is_zero() -> None:
    assert np.isnan(average_precision([(np.zeros((0, 4)), NOTHING)]).ap)
    assert average_precision([(TRUTH, NOTHING)]).ap == 0
