"""The crop frame stays inside the picture and keeps its aspect, whatever it is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycore.framing.crop import MIN_SIDE, default_crop, fit, is_inside, ratio, reshape, snap
from pycore.protocol import Aspect, Rect, Size

pictures = st.builds(Size, st.integers(64, 8192), st.integers(64, 8192))
numbers = st.floats(-1e5, 1e5)
crops = st.builds(Rect, numbers, numbers, st.floats(0, 1e5), st.floats(0, 1e5))
shaped = st.sampled_from([aspect for aspect in Aspect if aspect is not Aspect.FREE])
SLACK = 1e-6


def _assert_inside(crop: Rect, picture: Size) -> None:
    assert crop.x >= -SLACK and crop.y >= -SLACK
    assert crop.x + crop.width <= picture.width + SLACK
    assert crop.y + crop.height <= picture.height + SLACK


@given(crops, pictures, shaped)
def test_fit_is_inside_and_of_the_aspect(crop: Rect, picture: Size, aspect: Aspect) -> None:
    fitted = fit(crop, picture, aspect)
    _assert_inside(fitted, picture)
    assert fitted.width / fitted.height == pytest.approx(ratio(aspect))


@given(crops, pictures, shaped)
def test_fit_leaves_a_fitted_crop_alone(crop: Rect, picture: Size, aspect: Aspect) -> None:
    once = fit(crop, picture, aspect)
    twice = fit(once, picture, aspect)
    assert (twice.x, twice.y, twice.width) == pytest.approx((once.x, once.y, once.width), abs=1e-6)


@given(crops, pictures)
def test_snap_is_whole_pixels_inside(crop: Rect, picture: Size) -> None:
    x, y, width, height = snap(crop, picture)
    assert x >= 0 and y >= 0 and width >= 1 and height >= 1
    assert x + width <= picture.width and y + height <= picture.height


@pytest.mark.parametrize(
    ("aspect", "expected"),
    [
        (Aspect.PORTRAIT, Rect(656.25, 0, 607.5, 1080)),
        (Aspect.SQUARE, Rect(420, 0, 1080, 1080)),
        (Aspect.WIDE, Rect(0, 0, 1920, 1080)),
        (Aspect.FREE, Rect(0, 0, 1920, 1080)),
    ],
)
def test_default_is_the_largest_in_the_middle(aspect: Aspect, expected: Rect) -> None:
    assert default_crop(Size(1920, 1080), aspect) == expected


def test_a_tiny_crop_grows_to_the_smallest_useful_side() -> None:
    fitted = fit(Rect(100, 100, 1, 1), Size(640, 360), Aspect.PORTRAIT)
    assert min(fitted.width, fitted.height) == pytest.approx(MIN_SIDE)


def test_reshape_keeps_centre_and_height() -> None:
    square = reshape(Rect(200, 50, 90, 160), Size(1280, 720), Aspect.SQUARE)
    assert square == Rect(165, 50, 160, 160)


@pytest.mark.parametrize(
    ("crop", "inside"),
    [
        (Rect(0, 0, 64, 64), True),
        (Rect(0, 0, 64.5, 64), False),
        (Rect(-1, 0, 32, 32), False),
        (Rect(0, 0, 0, 10), False),
    ],
)
def test_inside(crop: Rect, inside: bool) -> None:
    assert is_inside(crop, Size(64, 64)) is inside
