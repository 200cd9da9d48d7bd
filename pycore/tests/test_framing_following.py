"""The crop that follows a player: what holds whatever the player does, and how it looks in plain cases."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycore.framing.crop import default_crop, ratio
from pycore.framing.following import Scene, crop_path
from pycore.framing.path import Path, points_of
from pycore.framing.paths import box_points, crop_points
from pycore.framing.subject import Ball, Subject
from pycore.protocol import Aspect, Framing, Keyframe, Rect, Size, TrackColumns
from pycore.tracking import Floats, Ints

PICTURE = Size(1280, 720)
ASPECTS = [each for each in Aspect if each is not Aspect.FREE]


def scene(aspect: Aspect = Aspect.PORTRAIT, cuts_us: tuple[int, ...] = (), picture: Size = PICTURE) -> Scene:
    wanted = ratio(aspect)
    assert wanted is not None
    return Scene(picture, wanted, default_crop(picture, aspect), cuts_us)


def frames(count: int, rate: float = 25.0) -> Ints:
    return np.round(np.arange(count) * 1e6 / rate).astype(np.int64)


def player(times: Ints, x: Any, y: Any = 300.0, height: Any = 100.0) -> Subject:
    """A player with the centre at x, y."""
    tall = np.broadcast_to(height, times.shape)
    boxes = np.stack([x - tall * 0.2, np.broadcast_to(y, times.shape) - tall / 2, tall * 0.4, tall], axis=1)
    return Subject(times, boxes.astype(np.float64))


def contains(crops: Floats, boxes: Floats, margin: float = 0.0, slack: float = 1e-6) -> Any:
    before = boxes[:, :2] - crops[:, :2]
    behind = crops[:, :2] + crops[:, 2:] - boxes[:, :2] - boxes[:, 2:]
    return (np.minimum(before, behind) >= margin - slack).all(axis=1)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 120),
    st.sampled_from(ASPECTS),
    st.floats(0, 1),
    st.floats(0.05, 0.9),
    st.floats(0, 0.5),
    st.integers(0, 3),
    st.integers(0, 2),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_player_does(
    seed: int,
    count: int,
    aspect: Aspect,
    smoothness: float,
    share: float,
    margin: float,
    keys: int,
    cuts: int,
) -> None:
    random = np.random.default_rng(seed)
    times = np.cumsum(random.integers(8_000, 60_000, count)).astype(np.int64)
    walk = np.cumsum(random.normal(0, 20, (count, 2)), axis=0) + random.uniform(0, 1280, 2)
    size = random.uniform(2, 500) * np.exp(np.cumsum(random.normal(0, 0.05, (count, 1)), axis=0)).clip(0.1, 3)
    boxes = np.concatenate([walk, size * 0.4, size], axis=1)
    seen = random.random(count) > random.choice([0.0, 0.3, 0.99])
    cuts_us = tuple(random.choice(times, cuts).tolist())
    there = scene(aspect, cuts_us)
    keyframes: list[Keyframe] = []
    for time in sorted(set(random.integers(times[0], times[-1] + 1, keys).tolist())):
        tall = random.uniform(20, there.rest.height)
        wide = tall * there.ratio
        crop = Rect(random.uniform(0, 1280 - wide), random.uniform(0, 720 - tall), wide, tall)
        keyframes.append(Keyframe(time, crop))
    settings = Framing(player_share=share, smoothness=smoothness, margin=margin)

    when, crops = crop_path(times, there, settings, Subject(times[seen], boxes[seen]), None, keyframes)

    assert np.isfinite(crops).all()
    assert set(times.tolist()) <= set(when.tolist())
    assert crops[:, 2] / crops[:, 3] == pytest.approx(there.ratio)
    assert (crops[:, :2] >= -1e-9).all() and (crops[:, 2:] > 0).all()
    assert (crops[:, :2] + crops[:, 2:] <= np.array([1280, 720]) + 1e-6).all()
    for each in keyframes:
        row = crops[np.searchsorted(when, each.time_us)]
        assert row.tolist() == [each.crop.x, each.crop.y, each.crop.width, each.crop.height]
    if not keyframes:
        shown = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).clip(0, [1280, 720] * 2)
        visible = np.concatenate([shown[:, :2], shown[:, 2:] - shown[:, :2]], axis=1)
        fits = (visible[:, 2] <= there.rest.width) & (visible[:, 3] <= there.rest.height)
        judged = seen & fits & (visible[:, 2:] >= 1).all(axis=1)
        assert contains(crops, visible)[judged].all()


def test_a_player_who_stands_has_their_share_of_a_crop_that_stands() -> None:
    times = frames(75)
    for aspect in ASPECTS:
        _, crops = crop_path(times, scene(aspect), Framing(ball=0), player(times, np.full(75, 640.0)))
        assert 100 / crops[:, 3] == pytest.approx(np.full(75, 0.3), rel=0.01)
        assert np.abs(np.diff(crops, axis=0)).max() < 0.01
        assert crops[40, 0] + crops[40, 2] / 2 == pytest.approx(640, abs=1)


def test_steps_to_and_fro_leave_the_crop_at_rest() -> None:
    """A player who sways by a tenth of the crop's width is no reason to move."""
    times = frames(100)
    sways = 640 + 8 * np.sin(np.arange(100) / 5)
    _, crops = crop_path(times, scene(), Framing(smoothness=1.0), player(times, sways))
    assert np.ptp(crops[:, 0]) < 2


def test_a_runner_is_followed_with_the_margin() -> None:
    times = frames(100)
    runner = player(times, 200 + 8.0 * np.arange(100))
    _, crops = crop_path(times, scene(), Framing(margin=0.2), runner)
    assert contains(crops, runner.boxes, 20.0).all()
    speed = np.diff(crops[:, 0]) * 25
    assert speed[20:80] == pytest.approx(np.full(60, 200.0), rel=0.25)


def test_smoother_is_smoother() -> None:
    times = frames(150)
    random = np.random.default_rng(3)
    runs = player(times, 640 + np.cumsum(random.normal(0, 6, 150)))

    def jerk(smoothness: float) -> float:
        _, crops = crop_path(times, scene(), Framing(smoothness=smoothness), runs)
        return float(np.abs(np.diff(crops[:, 0], 3)).mean())

    assert jerk(0.0) > 2 * jerk(0.5) > 2 * jerk(1.0)


def test_at_a_cut_the_crop_jumps_and_nowhere_else() -> None:
    times = frames(60)
    places = np.where(np.arange(60) < 30, 300.0, 1000.0)
    cut = int(times[30])
    when, crops = crop_path(times, scene(cuts_us=(cut,)), Framing(), player(times, places))
    moves = np.abs(np.diff(crops[:, 0]))
    assert moves[29] == pytest.approx(700, abs=5)
    assert np.delete(moves, 29).max() < 1
    path = Path(crop_points(when, crops, (cut,)))
    before, after = path.at(cut - 1), path.at(cut)
    assert before is not None and after is not None
    assert after.x - before.x == pytest.approx(700, abs=5)


def test_a_lost_player_is_waited_for_and_then_the_crop_widens() -> None:
    times = frames(200)
    gone = (np.arange(200) >= 50) & (np.arange(200) < 150)
    there = player(times, np.where(np.arange(200) < 100, 400.0, 600.0))
    _, crops = crop_path(times, scene(), Framing(), Subject(times[~gone], there.boxes[~gone]))
    heights, middles = crops[:, 3], crops[:, 0] + crops[:, 2] / 2
    assert heights[55] == pytest.approx(heights[40], rel=0.05)  # held
    assert heights[110] > 1.3 * heights[40]
    assert middles[50:100] == pytest.approx(np.full(50, 400), abs=40)
    assert middles[155] == pytest.approx(600, abs=60)
    assert heights[199] == pytest.approx(heights[40], rel=0.1)


def test_a_player_never_seen_leaves_the_frame_where_it_was() -> None:
    times = frames(30)
    _, crops = crop_path(times, scene(), Framing(), Subject(times[:0], np.zeros((0, 4))))
    rest = scene().rest
    assert crops == pytest.approx(np.tile([rest.x, rest.y, rest.width, rest.height], (30, 1)), abs=0.01)


def test_between_keyframes_alone_the_crop_glides() -> None:
    times = frames(101)
    first, last = Rect(0, 0, 202.5, 360), Rect(800, 100, 270, 480)
    keyframes = [Keyframe(int(times[20]), first), Keyframe(int(times[80]), last)]
    _, crops = crop_path(times, scene(), Framing(), None, None, keyframes)
    assert crops[0] == pytest.approx([0, 0, 202.5, 360], abs=1)
    assert crops[100] == pytest.approx([800, 100, 270, 480], abs=1)
    assert (np.diff(crops[20:81, 0]) >= -0.5).all()
    assert np.diff(crops[:, 0]).max() < 4 * 800 / 60  # no leap


def test_the_ball_draws_the_crop_but_never_off_the_player() -> None:
    times = frames(75)
    stands = player(times, np.full(75, 640.0))
    ball = Ball(times, np.tile([720.0, 340.0], (75, 1)))
    centres = []
    for pull in (0.0, 1.0):
        _, crops = crop_path(times, scene(), Framing(ball=pull), stands, ball)
        assert contains(crops, stands.boxes).all()
        centres.append(float((crops[:, 0] + crops[:, 2] / 2)[40]))
    assert centres[1] > centres[0] + 10


def test_a_whole_body_that_does_not_fit_is_kept_in_the_middle() -> None:
    times = frames(20)
    wide = Subject(times, np.tile([300.0, 100.0, 600.0, 300.0], (20, 1)))
    _, crops = crop_path(times, scene(), Framing(), wide)
    assert crops[:, 0] + crops[:, 2] / 2 == pytest.approx(np.full(20, 600.0), abs=1)


def test_a_portrait_clip_and_a_clip_of_one_frame() -> None:
    tall = Size(720, 1280)
    for count in (1, 2, 3):
        times = frames(count)
        for aspect in ASPECTS:
            _, crops = crop_path(
                times, scene(aspect, picture=tall), Framing(), player(times, np.full(count, 300.0))
            )
            assert (crops[:, :2] + crops[:, 2:] <= np.array([720, 1280]) + 1e-6).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_thinned_paths_are_the_path(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    times = np.cumsum(random.integers(1, 50_000, count)).astype(np.int64)
    boxes = np.cumsum(random.normal(0, 1, (count, 4)), axis=0) + 100
    cut = int(times[count // 2])
    boxes[count // 2 :] += 50
    points = crop_points(times, boxes, (cut,))
    assert all(a.time_us < b.time_us for a, b in pairwise(points))
    path = Path(points)
    for time, box in zip(times.tolist(), boxes, strict=True):
        got = path.at(time)
        assert got is not None
        assert [got.x, got.y, got.width, got.height] == pytest.approx(box.tolist(), abs=0.04)


def test_a_path_of_boxes_has_holes() -> None:
    times = frames(10)
    boxes = np.tile([10.0, 20.0, 30.0, 40.0], (10, 1))
    boxes[3:6] = np.nan
    path = Path(box_points(times, boxes))
    seen = [path.at(time) is not None for time in times.tolist()]
    assert seen == [True] * 3 + [False] * 3 + [True] * 4
    assert path.at(int(times[5]) + 20_000) is None
    assert path.at(int(times[2]) + 20_000) == Rect(10, 20, 30, 40)


def test_a_straight_way_is_two_points() -> None:
    times = frames(50)
    boxes = np.stack([np.arange(50.0), np.zeros(50), np.full(50, 20.0), np.full(50, 20.0)], axis=1)
    assert len(crop_points(times, boxes)) == 2


def test_a_track_is_a_path_with_holes() -> None:
    columns = TrackColumns("7", [1, 2, 5], [*[1.0, 2, 3, 4] * 3], [0.9] * 3, [0] * 3)
    times = frames(8).tolist()
    path = Path(points_of(columns, times))
    assert [path.at(time) is not None for time in times[1:]] == [True, True, False, False, True, False, False]
