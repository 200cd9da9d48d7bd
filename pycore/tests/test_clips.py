"""Edits of the reel's row of clips."""

from dataclasses import replace

import pytest

from pycore.clips import NEW_CLIP_US, check_index, described, moved, with_added, with_moment, without
from pycore.document import History, new_project, selected_clip, with_aspect, with_crop, with_media, with_trim
from pycore.protocol import Aspect, MediaInfo, Project, Rect, ReelError, Size, SlowMotion

MEDIA = MediaInfo("", "match.mp4", 1000, Size(1920, 1080), 60_000_000)


@pytest.fixture
def three() -> Project:
    project = with_trim(new_project("p", MEDIA), 0, 5_000_000)
    project = with_added(project, 20_000_000, "b")
    return with_added(project, 40_000_000, "c")


def ids(project: Project) -> list[str]:
    return [clip.id for clip in project.clips]


def test_an_added_clip_begins_at_the_playhead_framed_like_the_one_before(three: Project) -> None:
    assert ids(three) == ["", "b", "c"]
    assert three.selected == 2
    clip = selected_clip(three)
    assert (clip.in_us, clip.out_us) == (40_000_000, 40_000_000 + NEW_CLIP_US)
    assert clip.crop == three.clips[0].crop
    at_end = selected_clip(with_added(three, 10**12, "d"))
    assert at_end.out_us == MEDIA.duration_us > at_end.in_us


def test_edits_are_about_the_selected_clip_alone(three: Project) -> None:
    middle = replace(three, selected=1)
    edited = described(with_crop(middle, Rect(0, 0, 607.5, 1080)), "Goal", 1_500_000, None)
    assert [edited.clips[each] for each in (0, 2)] == [three.clips[each] for each in (0, 2)]
    assert (edited.clips[1].title, edited.clips[1].freeze_us, edited.clips[1].crop.x) == (
        "Goal",
        1_500_000,
        0,
    )


def test_a_reel_has_one_shape(three: Project) -> None:
    assert {clip.aspect for clip in with_aspect(three, Aspect.SQUARE).clips} == {Aspect.SQUARE}


@pytest.mark.parametrize(
    ("index", "to", "order", "selected"),
    [
        (0, 2, ["b", "c", ""], 1),
        (2, 0, ["c", "", "b"], 0),
        (1, -5, ["b", "", "c"], 2),
        (1, 99, ["", "c", "b"], 1),
    ],
)
def test_moving_keeps_the_selection(
    three: Project, index: int, to: int, order: list[str], selected: int
) -> None:
    project = moved(three, index, to)
    assert (ids(project), project.selected) == (order, selected)


@pytest.mark.parametrize(("index", "selected"), [(0, 1), (1, 1), (2, 1)])
def test_removing_selects_a_neighbour(three: Project, index: int, selected: int) -> None:
    project = without(three, index)
    assert (len(project.clips), project.selected) == (2, selected)


def test_what_makes_no_sense_is_refused(three: Project) -> None:
    for wrong in (-1, 3):
        with pytest.raises(ReelError, match=r"no such clip"):
            check_index(three, wrong)
        with pytest.raises(ReelError, match=r"no such clip"):
            moved(three, wrong, 0)
    with pytest.raises(ReelError, match="needs a clip"):
        without(new_project("p", MEDIA), 0)
    with pytest.raises(ReelError, match="no sense"):
        described(three, None, None, SlowMotion(5, 5, 2))


def test_selecting_is_no_step_and_undo_brings_the_clip_back(three: Project) -> None:
    history = History(three)
    assert history.select(0)
    assert not history.can_undo
    history.edit(without(history.present, 2))
    history.edit(described(history.present, "One", None, None))
    history.undo()
    history.undo()
    assert ids(history.present) == ["", "b", "c"]


def test_all_clips_of_a_file_learn_what_the_probe_says(three: Project) -> None:
    probed = replace(MEDIA, id="media-1", duration_us=45_000_000)
    project = with_media(three, probed)
    assert {clip.media.id for clip in project.clips} == {"media-1"}
    assert project.selected == 2
    assert project.clips[2].out_us == 45_000_000


def test_the_first_moment_cuts_the_whole_match_and_further_ones_stand_in_their_order() -> None:
    match = new_project("p", replace(MEDIA, duration_us=5_400_000_000))
    first = with_moment(match, 600_000_000, "a")
    assert [(clip.in_us, clip.out_us) for clip in first.clips] == [(592_000_000, 604_000_000)]
    three = with_moment(with_moment(first, 1_200_000_000, "late"), 60_000_000, "early")
    assert ids(three) == ["early", "", "late"]
    assert [clip.in_us for clip in three.clips] == [52_000_000, 592_000_000, 1_192_000_000]
    assert three.selected == 1  # still the first one marked: what is looked at does not jump
    assert three.clips[2].crop == match.clips[0].crop


def test_a_moment_at_an_end_of_the_medium_is_shorter(three: Project) -> None:
    begin = with_moment(three, 2_000_000, "x").clips[0]
    assert (begin.id, begin.in_us, begin.out_us) == ("", 0, 5_000_000)
    assert with_moment(three, 2_000_000, "x").clips[1].out_us == 6_000_000
    last = with_moment(three, MEDIA.duration_us + 9, "x").clips[-1]
    assert (last.in_us, last.out_us) == (MEDIA.duration_us - 8_000_000, MEDIA.duration_us)
