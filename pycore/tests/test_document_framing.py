"""Edits of framing, spotlight and keyframes: always valid, and undone in steps."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycore.document import (
    MAX_KEYFRAMES,
    History,
    new_project,
    selected_clip,
    with_aspect,
    with_crop,
    with_framing,
    with_keyframe,
    with_media,
    with_spotlight,
    without_keyframe,
)
from pycore.framing.crop import is_inside
from pycore.framing.keyframes import eased
from pycore.framing.path import Path
from pycore.framing.presets import PRESETS, check
from pycore.protocol import (
    Aspect,
    Framing,
    Keyframe,
    MediaInfo,
    Project,
    Rect,
    ReelError,
    Size,
    Spotlight,
    SpotlightStyle,
)

MEDIA = MediaInfo("", "goal.mov", 1000, Size(1920, 1080), 5_000_000)


@pytest.fixture
def project() -> Project:
    return new_project("project-1", MEDIA)


def test_keyframes_are_kept_in_order_in_the_picture_and_of_the_crops_shape(project: Project) -> None:
    for time in (2_000_000, 900_000, 4_000_000, 99_000_000):
        project = with_keyframe(project, time, Rect(-50, 900, 400, 400))
    clip = selected_clip(project)
    assert [each.time_us for each in clip.keyframes] == [900_000, 2_000_000, 4_000_000, 5_000_000]
    for each in clip.keyframes:
        assert is_inside(each.crop, MEDIA.size)
        assert each.crop.width / each.crop.height == pytest.approx(9 / 16)
        assert each.crop.height == pytest.approx(400)


def test_a_keyframe_in_the_same_frame_is_replaced(project: Project) -> None:
    project = with_keyframe(project, 1_000_000, Rect(0, 0, 90, 160))
    project = with_keyframe(project, 1_004_000, Rect(50, 0, 90, 160))
    assert [each.crop.x for each in selected_clip(project).keyframes] == [50]


def test_the_nearest_keyframe_is_removed(project: Project) -> None:
    for time in (1_000_000, 2_000_000):
        project = with_keyframe(project, time, Rect(0, 0, 90, 160))
    assert [each.time_us for each in selected_clip(without_keyframe(project, 1_600_000)).keyframes] == [
        1_000_000
    ]
    with pytest.raises(ReelError, match="no keyframe"):
        without_keyframe(new_project("x", MEDIA), 0)


def test_keyframes_go_along_with_the_aspect_the_free_crop_and_the_probed_medium(project: Project) -> None:
    project = with_keyframe(project, 1_000_000, Rect(800, 300, 270, 480))
    square = selected_clip(with_aspect(project, Aspect.SQUARE)).keyframes[0].crop
    assert (square.width, square.height) == (480, 480)
    assert square.x + square.width / 2 == pytest.approx(935)
    free = with_crop(with_aspect(project, Aspect.FREE), Rect(0, 0, 600, 300))
    shape = selected_clip(free).keyframes[0].crop
    assert shape.width / shape.height == pytest.approx(2)
    small = with_media(project, replace(MEDIA, id="m", size=Size(640, 360)))
    assert is_inside(selected_clip(small).keyframes[0].crop, Size(640, 360))


def test_there_is_an_end_to_keyframes() -> None:
    clip = selected_clip(new_project("x", replace(MEDIA, duration_us=10**11)))
    full = [Keyframe(100_000 * n, clip.crop) for n in range(MAX_KEYFRAMES)]
    project = replace(new_project("x", clip.media), clips=[replace(clip, keyframes=full)])
    with pytest.raises(ReelError, match="too many"):
        with_keyframe(project, 10**11, clip.crop)


@pytest.mark.parametrize(
    "framing", [Framing(player_share=0.01), Framing(smoothness=1.1), Framing(margin=-1), Framing(ball=2)]
)
def test_framing_has_limits(project: Project, framing: Framing) -> None:
    with pytest.raises(ReelError, match="out of range"):
        with_framing(project, framing)


def test_presets_are_within_the_limits_and_the_first_is_the_default() -> None:
    for each in PRESETS:
        check(each.framing)
    assert PRESETS[0].framing == Framing()


def test_a_spotlight_is_checked(project: Project) -> None:
    named = with_spotlight(project, Spotlight(SpotlightStyle.LABEL, "x" * 99))
    assert selected_clip(named).spotlight.label == "x" * 40
    for bad in (Spotlight(color="yellow"), Spotlight(color="#12345"), Spotlight(strength=-0.1)):
        with pytest.raises(ReelError):
            with_spotlight(project, bad)


def test_a_gesture_is_one_step(project: Project) -> None:
    history = History(project)
    for share in (0.31, 0.35, 0.4):
        history.edit(with_framing(history.present, Framing(player_share=share)), "drag")
    assert history.undo()
    assert history.present == project


rects = st.builds(Rect, st.floats(0, 900), st.floats(0, 500), st.floats(20, 900), st.floats(20, 500))


@given(
    st.lists(
        st.tuples(st.integers(0, 5_000_000), rects), max_size=6, unique_by=lambda each: each[0] // 20_000
    )
)
def test_between_keyframes_the_crop_eases_and_meets_each_exactly(asked: list[tuple[int, Rect]]) -> None:
    project = new_project("x", MEDIA)
    for time, crop in asked:
        project = with_keyframe(project, time, crop)
    keyframes = selected_clip(project).keyframes
    points = eased(keyframes)
    path = Path(points)
    assert all(a.time_us < b.time_us for a, b in pairwise(points))
    for each in keyframes:
        assert path.at(each.time_us) == each.crop
    for point in points:
        assert point.rect.x >= 0 and point.rect.x + point.rect.width <= 1920 + 1e-6


def test_it_sets_out_and_arrives_gently() -> None:
    path = Path(eased([Keyframe(0, Rect(0, 0, 90, 160)), Keyframe(1_000_000, Rect(800, 0, 90, 160))]))
    places = [path.at(time) for time in (0, 50_000, 500_000, 950_000, 1_000_000, 7_000_000)]
    x = [place.x for place in places if place]
    assert x[0] == 0 and x[1] < 4 and x[2] == pytest.approx(400) and x[3] > 796 and x[4:] == [800, 800]
