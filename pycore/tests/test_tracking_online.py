"""Online tracking on made-up matches: who is who from frame to frame."""

from collections import Counter

import numpy as np
import pytest

from pycore.tests.scenes import HEIGHT, WIDTH, scene, walk
from pycore.tracking import NOTHING, Detections, Settings, Sight, Tracked, Tracker


def follow(
    frames: list[Detections], settings: Settings = Settings(), cuts: tuple[int, ...] = ()
) -> list[Tracked]:
    tracker = Tracker(settings)
    return [tracker.update(each, cut=number in cuts) for number, each in enumerate(frames)]


def ids_of(player: int, told: list[Tracked], who: list[list[int]]) -> list[int]:
    """The ids that a player's detections got, without repeats, in order."""
    ids: list[int] = []
    for each, names in zip(told, who, strict=True):
        for number, row in zip(each.ids.tolist(), each.detections.tolist(), strict=True):
            if row >= 0 and names[row] == player and ids[-1:] != [number]:
                ids.append(number)
    return ids


def test_one_player_is_told_from_the_third_sighting_on() -> None:
    frames, who = scene([walk((100, 100), (3, 1), 30)])
    told = follow(frames)
    assert [len(each.ids) for each in told[:4]] == [0, 0, 1, 1]
    assert ids_of(0, told, who) == [1]
    assert all(each.sights.tolist() == [Sight.SEEN] for each in told[2:])


def test_filtered_boxes_are_nearer_to_the_truth_than_detections() -> None:
    path = walk((100, 100), (3, 1), 80)
    frames, _ = scene([path], jitter=0.06)
    told = follow(frames)

    def error(boxes: list[np.ndarray]) -> float:
        return float(
            np.mean([np.hypot(*(b[:2] + b[2:] / 2 - p)) for b, p in zip(boxes, path[20:], strict=True)])
        )

    assert error([each.boxes[0] for each in told[20:]]) < 0.8 * error([each.boxes[0] for each in frames[20:]])


def test_players_who_cross_keep_their_ids() -> None:
    frames, who = scene([walk((100, 100), (4, 0), 60), walk((340, 106), (-4, 0), 60)])
    told = follow(frames)
    assert [len(ids_of(player, told, who)) for player in (0, 1)] == [1, 1]


def test_a_player_covered_by_another_keeps_the_id() -> None:
    paths = [walk((100, 100), (4, 0), 70), walk((340, 108), (-3, 0), 70)]
    frames, who = scene(paths, hidden=[(0, 28, 42)])
    told = follow(frames)
    assert [len(ids_of(player, told, who)) for player in (0, 1)] == [1, 1]


def test_an_unseen_player_is_guessed_briefly_and_marked() -> None:
    frames, _ = scene([walk((100, 100), (3, 0), 40)], hidden=[(0, 20, 40)])
    told = follow(frames, Settings(coast=3))
    assert [each.sights.tolist() for each in told[19:24]] == [[Sight.SEEN]] + [[Sight.GUESSED]] * 3 + [[]]
    assert told[22].detections.tolist() == [-1]
    assert told[22].boxes[0, 0] + WIDTH / 2 == pytest.approx(100 + 3 * 22, abs=4)
    assert told[22].scores[0] < told[19].scores[0]


def test_who_leaves_for_long_comes_back_as_someone_new() -> None:
    paths = [walk((100, 100), (0, 0), 130), walk((400, 100), (0, 0), 130)]
    frames, who = scene(paths, hidden=[(0, 20, 100)])
    told = follow(frames)
    assert len(ids_of(0, told, who)) == 2
    assert len(ids_of(1, told, who)) == 1
    assert not set(ids_of(0, told, who)[1:]) & {1, 2}


def bounce() -> list[np.ndarray]:
    """Two players who meet, stand together unseen, and go back where they came from: motion says they
    crossed."""
    there = np.minimum(np.arange(80), 80 - np.arange(80)) * 3.0
    left = np.stack((100 + there, np.full(80, 100.0)), axis=1)
    right = np.stack((340 - there, np.full(80, 100.0)), axis=1)
    return [left, right]


def test_appearance_tells_apart_what_motion_confuses() -> None:
    hidden = [(player, 35, 46) for player in (0, 1)]
    frames, who = scene(bounce(), hidden=hidden, features=np.eye(2))
    told = follow(frames, Settings(appearance=2.0))
    assert [len(ids_of(player, told, who)) for player in (0, 1)] == [1, 1]


def test_similar_kits_leave_the_decision_to_motion() -> None:
    alike = np.array([[1.0, 0.02], [1.0, -0.02]])
    paths = [walk((100, 100), (4, 0), 60), walk((340, 112), (-4, 0), 60)]
    frames, who = scene(paths, features=alike)
    told = follow(frames)
    assert [len(ids_of(player, told, who)) for player in (0, 1)] == [1, 1]


@pytest.mark.parametrize("jolt", [10.0, 35.0])
def test_a_camera_that_pans_and_jolts_takes_everyone_along(jolt: float) -> None:
    """The jolt is beyond a player's width, and as far as the players stand from each other."""
    rng = np.random.default_rng(5)
    starts = [(80 + 70 * (i % 4) + 10 * (i // 4), 100 + 80 * (i // 4)) for i in range(8)]
    paths = [walk(start, (rng.uniform(-1, 1), rng.uniform(-0.5, 0.5)), 80) for start in starts]
    camera = np.cumsum(np.where(np.arange(80) % 20 == 15, jolt, 6.0))[:, None] * np.array([1.0, 0.2])
    # A player who is covered while the camera moves is expected where the camera took him.
    frames, who = scene(paths, camera=camera, hidden=[(3, 30, 44)])
    tracker = Tracker()
    told, moved = [], []
    for each in frames:
        told.append(tracker.update(each))
        moved.append(tracker.camera.x)
    assert [len(ids_of(player, told, who)) for player in range(8)] == [1] * 8
    assert float(np.median(moved[20:])) == pytest.approx(6.0, abs=1.0)


def test_empty_frames_are_no_trouble() -> None:
    frames, who = scene([walk((100, 100), (2, 0), 40)])
    assert all(len(each.ids) == 0 for each in follow([NOTHING] * 5))
    gappy = [NOTHING if number in (0, 10, 11, 25) else each for number, each in enumerate(frames)]
    assert ids_of(0, follow(gappy), who) == [1]


def test_sixty_players() -> None:
    rng = np.random.default_rng(11)
    paths = [
        walk((60 + 70 * (i % 10), 60 + 90 * (i // 10)), tuple(rng.uniform(-0.7, 0.7, 2)), 50)
        for i in range(60)
    ]
    frames, who = scene(paths)
    told = follow(frames)
    assert Counter(len(ids_of(player, told, who)) for player in range(60)) == {1: 60}


def test_a_crowd_on_one_spot_ends() -> None:
    rng = np.random.default_rng(13)
    frames, _ = scene([walk(tuple(rng.uniform(100, 180, 2)), (0, 0), 6) for _ in range(60)])
    assert len(follow(frames)[-1].ids) > 40


def test_nobody_is_carried_over_a_cut() -> None:
    frames, who = scene([walk((100, 100), (0, 0), 30), walk((300, 100), (0, 0), 30)])
    told = follow(frames, cuts=(15,))
    assert [len(ids_of(player, told, who)) for player in (0, 1)] == [2, 2]
    assert len(told[15].ids) == len(told[16].ids) == 0


def test_weak_detections_continue_a_player_but_begin_none() -> None:
    frames, who = scene([walk((100, 100), (2, 0), 40)])
    weak = [Detections(each.boxes, np.full(len(each.scores), 0.3)) for each in frames]
    assert all(len(each.ids) == 0 for each in follow(weak))
    told = follow(frames[:20] + weak[20:])
    assert ids_of(0, told, who) == [1]
    assert told[30].sights.tolist() == [Sight.WEAK]


def test_at_twice_the_frame_rate_players_keep_their_ids_through_the_same_time() -> None:
    paths = [walk((100, 100), (2, 0), 140), walk((340, 108), (-1.5, 0), 140)]
    frames, who = scene(paths, hidden=[(0, 56, 84)])
    told = follow(frames, Settings().at_rate(50))
    assert [len(ids_of(player, told, who)) for player in (0, 1)] == [1, 1]
    assert Settings().at_rate(25) == Settings()


def test_the_same_again() -> None:
    frames, _ = scene([walk((100, 100), (4, 0), 60), walk((340, 106), (-4, 0), 60)])
    for one, other in zip(follow(frames), follow(frames), strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.boxes.tobytes() == other.boxes.tobytes()


@pytest.mark.parametrize(
    ("boxes", "scores", "features", "said"),
    [
        (np.zeros((1, 4)), np.ones(1), None, "no width"),
        (np.ones((2, 4)), np.ones(1), None, "shape"),
        (np.full((1, 4), np.nan), np.ones(1), None, "finite"),
        (np.ones((1, 4)), np.ones(1), np.ones((2, 3)), "features"),
    ],
)
def test_impossible_detections_are_refused(
    boxes: np.ndarray, scores: np.ndarray, features: np.ndarray | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Detections(boxes, scores, features)


def test_the_height_is_followed_when_the_camera_zooms() -> None:
    frames, who = scene([walk((100 + 60 * i, 100 + 15 * i), (0.5, 0), 100) for i in range(6)])
    zoomed = [Detections(each.boxes * 1.01**number, each.scores) for number, each in enumerate(frames)]
    tracker = Tracker()
    told, scales = [], []
    for each in zoomed:
        told.append(tracker.update(each))
        scales.append(tracker.camera.scale)
    assert [len(ids_of(player, told, who)) for player in range(6)] == [1] * 6
    assert 1.001 < float(np.median(scales[20:])) < 1.012
    assert float(np.median(told[-1].boxes[:, 3])) == pytest.approx(HEIGHT * 1.01**99, rel=0.05)
