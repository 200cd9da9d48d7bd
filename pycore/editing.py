"""Commands that change the document: each names a pure function from one Project to the next."""

from pycore import clips
from pycore.document import (
    with_aspect,
    with_crop,
    with_framing,
    with_keyframe,
    with_output,
    with_spotlight,
    with_trim,
    without_keyframe,
)
from pycore.protocol import (
    AddClip,
    MarkMoment,
    MoveClip,
    Project,
    RemoveClip,
    RemoveKeyframe,
    SetAspect,
    SetClip,
    SetCrop,
    SetFraming,
    SetKeyframe,
    SetOutput,
    SetSpotlight,
    SetTrim,
)

Edit = (
    SetCrop
    | SetAspect
    | SetTrim
    | SetClip
    | SetOutput
    | SetFraming
    | SetSpotlight
    | SetKeyframe
    | RemoveKeyframe
    | AddClip
    | MarkMoment
    | RemoveClip
    | MoveClip
)
"""What can be undone as one step."""

SELECTING = AddClip | MarkMoment | RemoveClip | MoveClip
"""Edits after which another clip may be the selected one."""


def edited(project: Project, edit: Edit, new_id: str) -> Project:
    """The project after `edit`; `new_id` becomes the id of a clip that it adds. Raises ReelError where the
    edit makes no sense."""
    match edit:
        case SetCrop(crop):
            return with_crop(project, crop)
        case SetAspect(aspect):
            return with_aspect(project, aspect)
        case SetTrim(in_us, out_us):
            return with_trim(project, in_us, out_us)
        case SetClip(title, freeze_us, slow):
            return clips.described(project, title, freeze_us, slow)
        case SetOutput(size, model):
            return with_output(project, size, model)
        case SetFraming(framing):
            return with_framing(project, framing)
        case SetSpotlight(spotlight):
            return with_spotlight(project, spotlight)
        case SetKeyframe(time_us, crop):
            return with_keyframe(project, time_us, crop)
        case RemoveKeyframe(time_us):
            return without_keyframe(project, time_us)
        case AddClip(at_us):
            return clips.with_added(project, at_us, new_id)
        case MarkMoment(at_us):
            return clips.with_moment(project, at_us, new_id)
        case RemoveClip(index):
            return clips.without(project, index)
        case MoveClip(index, to):
            return clips.moved(project, index, to)


def gesture_of(edit: Edit) -> str:
    """Edits of one gesture are one step of undo; "" for those that are a step of their own."""
    return getattr(edit, "gesture", "")
