"""The crop that follows a player live."""

import numpy as np
import pytest

from pycore.framing.crop import default_crop, ratio
from pycore.framing.following import Scene
from pycore.framing.live import LiveFraming, OneEuro
from pycore.protocol import Aspect, Framing, Rect, Size

PICTURE = Size(1280, 720)
SHAPE = ratio(Aspect.PORTRAIT) or 0.0
SCENE = Scene(PICTURE, SHAPE, default_crop(PICTURE, Aspect.PORTRAIT))


def box(x: float, y: float = 300.0, height: float = 100.0) -> Rect:
    return Rect(x - 0.2 * height, y - height / 2, 0.4 * height, height)


def run(places: list[Rect | None], framing: Framing = Framing()) -> list[Rect]:
    live = LiveFraming(SCENE, framing)
    return [live.update(40_000 * frame, place) for frame, place in enumerate(places)]


def test_it_begins_where_the_player_is() -> None:
    (crop,) = run([box(500)])
    assert crop.x + crop.width / 2 == pytest.approx(500)
    assert 100 / crop.height == pytest.approx(0.3)
    assert crop.width / crop.height == pytest.approx(SHAPE)


def test_small_steps_do_not_move_it() -> None:
    crops = run([box(500 + 5 * (frame % 2)) for frame in range(50)])
    assert np.ptp([crop.x for crop in crops]) < 1


def test_a_walker_stays_inside_the_picture_and_the_crop() -> None:
    places = [box(40 + 12.0 * frame) for frame in range(100)]
    for place, crop in zip(places, run([*places]), strict=True):
        assert crop.x <= place.x + 1e-6 and place.x + place.width <= crop.x + crop.width + 1e-6
        assert crop.x >= 0 and crop.x + crop.width <= PICTURE.width + 1e-6
        assert crop.y >= 0 and crop.y + crop.height <= PICTURE.height + 1e-6


def test_a_lost_player_is_waited_for_and_then_it_widens() -> None:
    crops = run([*[box(500)] * 20, *[None] * 100])
    assert crops[30].height == pytest.approx(crops[19].height, rel=0.02)
    assert crops[-1].height > 1.3 * crops[19].height
    middle = crops[-1].x + crops[-1].width / 2
    assert middle == pytest.approx(500, abs=2)


def test_a_player_found_elsewhere_is_reached_fast_but_not_at_once() -> None:
    crops = run([*[box(200)] * 10, *[None] * 10, *[box(1000)] * 60])
    moved = np.diff([crop.x + crop.width / 2 for crop in crops])
    assert moved.max() < 200
    assert crops[-1].x < 1000 - 20 and crops[-1].x + crops[-1].width > 1000 + 20


def test_at_a_cut_it_begins_anew() -> None:
    live = LiveFraming(SCENE, Framing())
    live.update(0, box(200))
    crop = live.update(40_000, box(1000), cut=True)
    assert crop.x + crop.width / 2 == pytest.approx(1000)


def test_one_euro_is_calm_at_rest_and_quick_in_motion() -> None:
    random = np.random.default_rng(1)
    still, moving = OneEuro(0.5, 0.9), OneEuro(0.5, 0.9)
    noise = random.normal(0, 0.01, 200)
    rest = [still.update(float(each), 0.04) for each in noise]
    assert np.std(rest[50:]) < 0.5 * np.std(noise)
    lags = [frame * 0.08 - moving.update(frame * 0.08, 0.04) for frame in range(100)]
    assert lags[-1] < 0.4
