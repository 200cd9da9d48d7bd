"""Edits of the project: always valid, undone in steps, kept when the server probes the medium."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycore.document import (
    MIN_CLIP_US,
    History,
    default_output,
    new_project,
    same_media,
    selected_clip,
    with_aspect,
    with_crop,
    with_output,
    with_trim,
)
from pycore.framing.crop import is_inside, ratio
from pycore.protocol import Aspect, MediaInfo, ModelName, Project, Rect, Size

MEDIA = MediaInfo("", "goal.mov", 1000, Size(1920, 1080), 5_000_000)


@pytest.fixture
def history() -> History:
    return History(new_project("project-1", MEDIA))


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Aspect.PORTRAIT, Size(1080, 1920)),
        (Aspect.SQUARE, Size(1080, 1080)),
        (Aspect.TALL, Size(1080, 1350)),
        (Aspect.WIDE, Size(1920, 1080)),
    ],
)
def test_each_aspect_has_its_usual_output(history: History, aspect: Aspect, size: Size) -> None:
    project = with_aspect(history.present, aspect)
    assert project.output.size == size
    crop = selected_clip(project).crop
    assert crop.width / crop.height == pytest.approx(ratio(aspect))
    assert is_inside(crop, MEDIA.size)


def test_a_free_output_is_four_times_the_crop_and_follows_it(history: History) -> None:
    project = with_crop(with_aspect(history.present, Aspect.FREE), Rect(100, 100, 150.2, 101))
    assert selected_clip(project).crop == Rect(100, 100, 150.2, 101)
    assert project.output.size == Size(600, 404)


@given(st.floats(16, 8192), st.floats(16, 8192))
def test_a_free_output_is_even_capped_and_of_the_crops_shape(width: float, height: float) -> None:
    size = default_output(Aspect.FREE, Rect(0, 0, width, height))
    assert size.width % 2 == size.height % 2 == 0
    assert max(size.width, size.height) <= 3840
    assert min(size.width, size.height) >= 16
    scale = max(size.width, size.height) / max(width, height)
    assert min(size.width, size.height) == pytest.approx(max(min(width, height) * scale, 16), abs=2)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.sampled_from([1, 70_000, 5_000_000]))
def test_any_trim_leaves_a_clip(in_us: int, out_us: int, duration_us: int) -> None:
    project = with_trim(new_project("p", replace(MEDIA, duration_us=duration_us)), in_us, out_us)
    clip = selected_clip(project)
    assert 0 <= clip.in_us < clip.out_us <= duration_us
    assert clip.out_us - clip.in_us >= min(MIN_CLIP_US, duration_us)


def test_a_trim_inside_the_clip_is_kept_as_it_is(history: History) -> None:
    clip = selected_clip(with_trim(history.present, 1_000_000, 2_500_000))
    assert (clip.in_us, clip.out_us) == (1_000_000, 2_500_000)


def test_gestures_merge_only_with_themselves(history: History) -> None:
    start = history.present

    def drag(x: float, gesture: str) -> None:
        history.edit(with_crop(history.present, Rect(x, 0, 607.5, 1080)), gesture)

    drag(1, "a")
    drag(2, "a")
    drag(3, "b")
    drag(4, "")
    drag(5, "")
    seen = []
    while history.undo():
        seen.append(selected_clip(history.present).crop.x)
    assert seen == [4, 3, 2, selected_clip(start).crop.x]


def test_a_gesture_after_an_undo_is_a_new_step(history: History) -> None:
    history.edit(with_trim(history.present, 0, 4_000_000), "drag")
    history.edit(with_trim(history.present, 0, 3_000_000), "drag")
    history.undo()
    history.redo()
    history.edit(with_trim(history.present, 0, 2_000_000), "drag")
    history.undo()
    assert selected_clip(history.present).out_us == 3_000_000


def test_an_edit_ends_what_could_be_redone_and_no_edit_changes_nothing(history: History) -> None:
    assert not history.edit(history.present)
    assert not history.touched
    history.edit(with_aspect(history.present, Aspect.SQUARE))
    history.undo()
    assert history.can_redo
    history.edit(with_aspect(history.present, Aspect.WIDE))
    assert not history.can_redo


def test_what_the_server_decides_survives_undo_and_redo(history: History) -> None:
    history.edit(with_trim(history.present, 0, 4_500_000))
    history.edit(with_output(history.present, Size(720, 1280), ModelName.BEST))
    history.undo()
    probed = replace(MEDIA, id="media-9", duration_us=4_400_000, fps=25.0)
    history.adopt(revision=3, media=probed)
    for step in (history.redo, history.undo, history.undo):
        assert step()
        assert history.present.revision == 3
        clip = selected_clip(history.present)
        assert clip.media == probed
        assert clip.out_us == 4_400_000


def test_the_same_media_is_told_by_name_and_length() -> None:
    def project(name: str, length: int) -> Project:
        return new_project("p", replace(MEDIA, name=name, bytes=length, id=name))

    assert same_media(project("a", 1), replace(project("a", 1), id="q"))
    assert not same_media(project("a", 1), project("b", 1))
    assert not same_media(project("a", 1), project("a", 2))
