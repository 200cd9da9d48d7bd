"""Tracks of whole clips: what looking ahead adds."""

import numpy as np
import pytest

from pycore.tests.scenes import HEIGHT, WIDTH, scene, walk
from pycore.tracking import NOTHING, ClipSettings, ClipTracker, Detections, Sight, Track, Tracker, track_clip
from pycore.tracking.kalman import Noise
from pycore.tracking.smoothing import Sightings, smooth


def centre(track: Track) -> np.ndarray:
    return track.boxes[:, :2] + track.boxes[:, 2:] / 2


def test_no_frames_and_no_players() -> None:
    assert track_clip([]) == []
    assert track_clip([NOTHING] * 10) == []


def test_one_player_is_told_from_the_first_frame_on() -> None:
    path = walk((100, 100), (3, 1), 60)
    frames, _ = scene([path], jitter=0.06)
    (track,) = track_clip(frames)
    assert track.id == 1
    assert track.frames.tolist() == list(range(60))
    assert set(track.sights.tolist()) == {Sight.SEEN}
    raw = np.concatenate([each.boxes for each in frames])
    error = np.abs(centre(track) - path).mean()
    assert error < 0.6 * np.abs(raw[:, :2] + raw[:, 2:] / 2 - path).mean()


def test_a_clip_of_one_frame_holds_nobody_yet() -> None:
    frames, _ = scene([walk((100, 100), (3, 1), 1)])
    assert track_clip(frames) == []


def test_a_short_gap_is_filled_and_marked() -> None:
    path = walk((100, 100), (4, 1), 60)
    frames, _ = scene([path], hidden=[(0, 25, 40)])
    (track,) = track_clip(frames)
    assert track.frames.tolist() == list(range(60))
    assert set(track.sights[25:40].tolist()) == {Sight.GUESSED}
    assert (track.scores[25:40] == 0).all()
    assert centre(track)[25:40] == pytest.approx(path[25:40], abs=5)


def test_a_long_gap_is_bridged_and_left_open_while_the_camera_pans() -> None:
    """Online the player is forgotten; the clip as a whole tells that it is the same one."""
    paths = [walk((100 + 90 * i, 100 + 70 * (i % 2)), (0.3, 0), 160) for i in range(5)]
    camera = np.arange(160.0)[:, None] * np.array([5.0, 0.5])
    frames, _ = scene(paths, camera=camera, hidden=[(2, 60, 120)])
    online = Tracker()
    assert max(int(online.update(each).ids.max(initial=0)) for each in frames) == 6
    tracks = track_clip(frames)
    assert len(tracks) == 5
    gappy = next(track for track in tracks if len(track.frames) < 160)
    assert gappy.frames.tolist() == [*range(60), *range(120, 160)]
    assert centre(gappy)[-1] == pytest.approx(paths[2][159] + camera[159], abs=6)


def contest(swap: bool) -> tuple[list[Detections], list[np.ndarray]]:
    """Two players of different size who stop behind each other for a while, then part."""
    frames = 90
    meet = np.clip(np.abs(np.arange(frames) - 45) - 8, 0, None) * 3.0
    sign = np.where(np.arange(frames) < 45, -1, 1 if swap else -1)
    left = np.stack((300 + sign * meet, np.full(frames, 200.0)), axis=1)
    right = np.stack((300 - sign * meet, np.full(frames, 204.0)), axis=1)
    detections, who = scene([left, right], features=None)
    sizes = (1.0, 1.35)
    grown = []
    for each, names in zip(detections, who, strict=True):
        factor = np.array([sizes[name] for name in names])[:, None]
        middle = each.boxes[:, :2] + each.boxes[:, 2:] / 2
        size = each.boxes[:, 2:] * factor
        grown.append(Detections(np.concatenate((middle - size / 2, size), axis=1), each.scores))
    return grown, [left, right]


@pytest.mark.parametrize("swap", [True, False])
def test_who_is_who_after_players_covered_each_other(swap: bool) -> None:
    """Whether they pass or turn back: their size tells, and that takes both sides of the encounter."""
    frames, paths = contest(swap)
    tracks = track_clip(frames)
    assert len(tracks) == 2
    for track in tracks:
        player = int(np.abs(centre(track)[0] - paths[1][0]).sum() < 30)
        assert centre(track)[-1] == pytest.approx(paths[player][-1], abs=10)
        assert track.frames.tolist() == list(range(90))
        assert float(track.boxes[-1, 3]) == pytest.approx(HEIGHT * (1.0, 1.35)[player], rel=0.1)


def test_appearance_joins_and_parts() -> None:
    """Two players go out of sight and two come back, each where the other was."""
    left, right = walk((100, 100), (0, 0), 120), walk((140, 100), (0, 0), 120)
    paths = [np.concatenate((left[:60], right[60:])), np.concatenate((right[:60], left[60:]))]
    hidden = [(player, 35, 85) for player in (0, 1)]
    for features, swapped in ((np.eye(2), True), (None, False)):
        frames, _ = scene(paths, hidden=hidden, features=features)
        tracks = track_clip(frames)
        assert len(tracks) == 2
        moved = [abs(float(centre(track)[-1, 0] - centre(track)[0, 0])) > 30 for track in tracks]
        assert moved == [swapped, swapped]
        for track in tracks:
            assert (track.feature is None) == (features is None)
            if track.feature is not None:
                assert float(np.linalg.norm(track.feature)) == pytest.approx(1.0)


def test_nothing_is_joined_across_a_cut() -> None:
    frames, _ = scene([walk((100, 100), (0, 0), 60)])
    tracks = track_clip(frames, cuts=[30])
    assert [track.frames.tolist() for track in tracks] == [list(range(30)), list(range(30, 60))]


def test_a_cut_every_second() -> None:
    frames, _ = scene([walk((100 + 80 * i, 100), (1, 0), 100) for i in range(4)])
    tracks = track_clip(frames, cuts=range(25, 100, 25))
    assert len(tracks) == 16
    assert all(len(track.frames) == 25 for track in tracks)


def test_false_alarms_are_left_out() -> None:
    rng = np.random.default_rng(1)
    frames, _ = scene([walk((100, 100), (2, 0), 60)])
    noisy = []
    for each in frames:
        stray = np.r_[rng.uniform(300, 1500, 2), WIDTH, HEIGHT][None]
        noisy.append(Detections(np.concatenate((each.boxes, stray)), np.r_[each.scores, 0.7]))
    assert len(track_clip(noisy)) == 1


def test_tracks_may_be_asked_for_as_the_clip_goes_on() -> None:
    frames, _ = scene([walk((100, 100), (2, 0), 40)])
    tracker = ClipTracker()
    for number, each in enumerate(frames):
        tracker.add(each)
        if number == 19:
            assert [track.frames.tolist() for track in tracker.tracks()] == [list(range(20))]
    (late,) = tracker.tracks()
    (whole,) = track_clip(frames)
    assert late.boxes.tobytes() == whole.boxes.tobytes()


def test_settings_follow_the_frame_rate() -> None:
    assert ClipSettings().at_rate(25) == ClipSettings()
    assert ClipSettings().at_rate(50).fill == 2 * ClipSettings().fill


def test_smoothing_is_the_exact_posterior() -> None:
    """Against the joint normal distribution of all positions, solved as one linear system."""
    noise = Noise()
    rng = np.random.default_rng(4)
    frames = np.array([0, 1, 2, 4, 5, 8, 9])
    boxes = np.column_stack(
        (rng.uniform(0, 40, 7), rng.uniform(0, 40, 7), np.full(7, 25.0), np.full(7, 56.0))
    )
    trust = np.array([1, 1, 0.4, 1, 1, 1, 0.4])
    (found,) = smooth([Sightings(frames, boxes, trust)], noise)
    for axis in (0, 1):
        size = (WIDTH, HEIGHT)[axis]
        kept = noise.persistence[axis]
        step = np.array([[1, 1], [0, kept]])
        shock = (noise.acceleration[axis] * HEIGHT) ** 2 * np.array([[0.25, 0.5], [0.5, 1.0]])
        error = (noise.measured[axis] * size) ** 2
        # Information form over states (value, speed) of ten frames; the shock has rank one, hence the ridge.
        precision = np.zeros((20, 20))
        weighted = np.zeros(20)
        precision[1, 1] += 1 / (noise.first_speed[axis] * HEIGHT) ** 2
        inverse = np.linalg.inv(shock + 1e-9 * np.eye(2))
        for frame in range(9):
            link = np.zeros((2, 20))
            link[:, 2 * frame : 2 * frame + 2] = -step
            link[:, 2 * frame + 2 : 2 * frame + 4] = np.eye(2)
            precision += link.T @ inverse @ link
        middle = boxes[:, axis] + size / 2
        for row, frame in enumerate(frames.tolist()):
            precision[2 * frame, 2 * frame] += trust[row] / error
            weighted[2 * frame] += trust[row] * middle[row] / error
        covariance = np.linalg.inv(precision)
        mean = covariance @ weighted
        assert found.value[:, axis] == pytest.approx(mean[::2], rel=1e-3, abs=1e-2)
        assert found.speed[:, axis] == pytest.approx(mean[1::2], rel=1e-2, abs=1e-2)
        assert found.pp[:, axis] == pytest.approx(np.diag(covariance)[::2], rel=1e-2)
