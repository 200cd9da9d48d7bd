"""Kit colours, teams and cuts: what is told of players and pictures beside the boxes."""

import numpy as np
import pytest

from pycore.protocol import Size
from pycore.tracking.appearance import BINS, color_of, kits
from pycore.tracking.columns import tracking_of
from pycore.tracking.cuts import CutDetector, glimpse
from pycore.tracking.teams import teams
from pycore.tracking.types import Sight, Track

GRASS = (0.2, 0.5, 0.15)
RED, BLUE, WHITE, BLACK = (0.8, 0.1, 0.1), (0.1, 0.2, 0.8), (0.95, 0.95, 0.95), (0.05, 0.05, 0.05)


def pitch(*players: tuple[tuple[float, float, float], int], noise: float = 0.03) -> np.ndarray:
    """(3, 120, 320), players of 20x50 pixels at these columns."""
    random = np.random.default_rng(3)
    picture = np.empty((3, 120, 320))
    picture[:] = np.reshape(GRASS, (3, 1, 1))
    for color, left in players:
        picture[:, 40:90, left : left + 20] = np.reshape(color, (3, 1, 1))
    return np.clip(picture + random.normal(0, noise, picture.shape), 0, 1)


def box(left: int) -> list[float]:
    return [left, 40, 20, 50]


def test_the_same_kit_is_nearer_than_another_under_other_light() -> None:
    day = pitch((RED, 20), (RED, 60), (BLUE, 100), (WHITE, 140))
    seen = kits(np.concatenate((day, 0.75 * day), axis=2), np.array([box(x) for x in (20, 380, 100, 140)]))
    np.testing.assert_allclose(seen.sum(axis=1), 1)
    unit = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.7  # red by day, red in the shade
    assert max(unit[0] @ unit[2], unit[0] @ unit[3], unit[2] @ unit[3]) < 0.3


def test_a_box_outside_of_the_picture_has_no_kit() -> None:
    seen = kits(pitch(), np.array([[-60.0, 0, 20, 50], [500, 0, 20, 50], [0, 0, 0.5, 0.5]]))
    assert seen.shape == (3, BINS)
    assert seen.sum(axis=1).tolist() == [0, 0, pytest.approx(1)]


@pytest.mark.parametrize(
    ("color", "strongest"), [(RED, "r"), (BLUE, "b"), (WHITE, "rgb"), (BLACK, ""), ((0.8, 0.75, 0.1), "rg")]
)
def test_a_kit_has_the_colour_that_people_would_say(
    color: tuple[float, float, float], strongest: str
) -> None:
    told = color_of(kits(pitch((color, 20)), np.array([box(20)]))[0])
    levels = {name: int(told[at : at + 2], 16) for name, at in (("r", 1), ("g", 3), ("b", 5))}
    assert {name for name, level in levels.items() if level > 140} == set(strongest)


def track(number: int, kit: np.ndarray | None, count: int = 10) -> Track:
    sights = np.full(count, Sight.SEEN, np.int64)
    boxes = np.tile([10.0 * number, 40, 20, 50], (count, 1))
    return Track(number, np.arange(count), boxes, np.ones(count), sights, kit)


def test_two_teams_and_a_referee() -> None:
    picture = pitch((RED, 20), (RED, 60), (BLUE, 100), (BLUE, 140), (RED, 180), (BLACK, 220))
    seen = kits(picture, np.array([box(x) for x in (20, 60, 100, 140, 180, 220)]))
    told = teams([*(track(i, kit) for i, kit in enumerate(seen)), track(9, None)])
    assert told == [0, 0, 1, 1, 0, 2, -1]


def test_white_and_blue_kits_under_a_blue_sky_are_two_teams() -> None:
    """Colours as soccertrack_left_3072x1728.mp4 shows them: its white shirts are bluer than grey by far."""
    white = [(0.50, 0.52, 0.80), (0.61, 0.67, 1.0), (0.57, 0.61, 0.91), (0.55, 0.63, 0.91)]
    blue = [(0.09, 0.35, 0.85), (0.15, 0.28, 0.65), (0.0, 0.22, 0.77), (0.24, 0.33, 0.63)]
    lefts = [20 + 35 * number for number in range(8)]
    seen = kits(pitch(*zip(white + blue, lefts, strict=True)), np.array([box(x) for x in lefts]))
    told = teams([track(number, kit) for number, kit in enumerate(seen)])
    assert told in ([0] * 4 + [1] * 4, [1] * 4 + [0] * 4)


def test_columns_stay_within_the_picture() -> None:
    made = track(1, None, 3)
    made.boxes[0] = (-15, 40, 20, 50)
    made.boxes[1] = (-30, 40, 20, 50)
    document = tracking_of([made], [0, 40_000, 80_000], Size(320, 120), [2], "test")
    (columns,) = document.tracks
    assert columns.frames == [0, 2]
    assert columns.boxes == [0, 40, 5, 50, 10, 40, 20, 50]
    assert (columns.id, columns.team, columns.color) == ("1", -1, "")
    assert document.cuts == [2]


def test_a_cut_is_told_and_a_pan_is_not() -> None:
    wide = np.concatenate([pitch((RED, 20), (BLUE, 200)) for _ in range(3)], axis=2)
    close = pitch((WHITE, 0), (WHITE, 20), (WHITE, 40), (WHITE, 60), (WHITE, 80), (WHITE, 100))
    pan = [wide[:, :, 8 * step : 8 * step + 320] for step in range(20)]
    frames = [*pan, *([0.6 * close] * 5), *pan[:5]]
    detector = CutDetector()
    told = [number for number, frame in enumerate(frames) if detector.update(glimpse(frame))]
    assert told == [20, 25]
