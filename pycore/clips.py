"""Edits of the reel's row of clips: pure functions from one Project to the next."""

from dataclasses import replace

from pycore.document import MIN_CLIP_US, selected_clip, with_clip, with_trim
from pycore.protocol import Project, ReelError, SlowMotion

NEW_CLIP_US = 8_000_000
"""How long a clip is that was just added, where the medium lasts so long."""
MOMENT_BEFORE_US = 8_000_000
MOMENT_AFTER_US = 4_000_000
MAX_CLIPS = 200
MAX_FREEZE_US = 10_000_000
LONGEST_TITLE = 80


def with_added(project: Project, at_us: int, clip_id: str) -> Project:
    """One more clip behind the selected one, which becomes the selected: of the same medium, from `at_us` on,
    framed in the same way. Raises ReelError `clips.too-many`."""
    if len(project.clips) >= MAX_CLIPS:
        raise ReelError.of(
            "clips.too-many", "The reel is full", f"It has {MAX_CLIPS} clips.", "Remove one first."
        )
    clip = replace(selected_clip(project), id=clip_id, keyframes=[], title="", freeze_us=0, slow=None)
    index = project.selected + 1
    clips = [*project.clips[:index], clip, *project.clips[index:]]
    begin = min(max(at_us, 0), max(clip.media.duration_us - MIN_CLIP_US, 0))
    return with_trim(replace(project, clips=clips, selected=index), begin, begin + NEW_CLIP_US)


def with_moment(project: Project, at_us: int, clip_id: str) -> Project:
    """A clip around that moment: from what led to it until it is over. While the whole medium is the reel's
    only clip, that becomes it; else it is one more, before those that begin later, and the selected clip
    stays selected. Raises ReelError `clips.too-many`."""
    only, duration = project.clips[0], project.clips[0].media.duration_us
    end = min(max(at_us, 0) + MOMENT_AFTER_US, duration)
    begin = max(min(at_us, duration) - MOMENT_BEFORE_US, 0)
    if len(project.clips) == 1 and only.in_us == 0 and only.out_us >= duration:
        return with_trim(project, begin, end)
    added = with_added(project, begin, clip_id)
    index = added.selected
    added = with_trim(added, begin, end)
    place = next(
        (number for number, each in enumerate(project.clips) if each.in_us > begin), len(project.clips)
    )
    placed = moved(added, index, place)
    selected = project.selected + (place <= project.selected)
    return replace(placed, selected=selected)


def without(project: Project, index: int) -> Project:
    """Raises ReelError `clips.last` for the only one, `clips.unknown` where there is none."""
    _check(project, index)
    if len(project.clips) == 1:
        raise ReelError.of(
            "clips.last", "A reel needs a clip", hint="Add another before you remove this one."
        )
    clips = [clip for number, clip in enumerate(project.clips) if number != index]
    selected = project.selected - (index < project.selected)
    return replace(project, clips=clips, selected=min(selected, len(clips) - 1))


def moved(project: Project, index: int, to: int) -> Project:
    """The clip in another place of the row; the selected one stays selected. Raises ReelError
    `clips.unknown`."""
    _check(project, index)
    to = min(max(to, 0), len(project.clips) - 1)
    order = [number for number in range(len(project.clips)) if number != index]
    order.insert(to, index)
    clips = [project.clips[number] for number in order]
    return replace(project, clips=clips, selected=order.index(project.selected))


def described(project: Project, title: str | None, freeze_us: int | None, slow: SlowMotion | None) -> Project:
    """The selected clip's title, still first frame and slow range; null leaves the first two as they are.
    Raises ReelError `clips.slow`."""
    clip = selected_clip(project)
    if slow is not None and (slow.factor not in (2, 4) or slow.out_us <= slow.in_us):
        raise ReelError.of(
            "clips.slow", "This slow motion makes no sense", hint="Choose 2 or 4 times slower, and a range."
        )
    return with_clip(
        project,
        replace(
            clip,
            title=clip.title if title is None else title[:LONGEST_TITLE],
            freeze_us=clip.freeze_us if freeze_us is None else min(max(freeze_us, 0), MAX_FREEZE_US),
            slow=slow,
        ),
    )


def check_index(project: Project, index: int) -> int:
    """`index` itself. Raises ReelError `clips.unknown`."""
    _check(project, index)
    return index


def _check(project: Project, index: int) -> None:
    if not 0 <= index < len(project.clips):
        raise ReelError.of(
            "clips.unknown",
            "There is no such clip",
            f"Clip {index + 1} of {len(project.clips)} was asked for.",
            "Reload the page if this happens again.",
            404,
        )
