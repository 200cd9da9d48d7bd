"""The project document and its edits: pure functions from one Project to the next, and the history that
undoes them."""

from dataclasses import dataclass, field, replace

from pycore.framing import crop as framing
from pycore.framing import presets
from pycore.protocol import (
    Aspect,
    Clip,
    Framing,
    Keyframe,
    MediaInfo,
    ModelName,
    Output,
    Project,
    Rect,
    ReelError,
    Size,
    Spotlight,
    TrackEdit,
)
from pycore.spotlight import mark
from pycore.spotlight.font import LONGEST

MIN_CLIP_US = 100_000
"""Shortest clip in microseconds: a few frames, so that neither the preview nor a codec is left without
any."""

SAME_FRAME_US = 8_000
"""Keyframes nearer to each other than this are in the same frame, at any usual rate."""

MAX_KEYFRAMES = 1_000

MIN_OUTPUT_SIDE = 16
MAX_OUTPUT_SIDE = 7680

_OUTPUTS = {
    Aspect.PORTRAIT: Size(1080, 1920),
    Aspect.SQUARE: Size(1080, 1080),
    Aspect.TALL: Size(1080, 1350),
    Aspect.WIDE: Size(1920, 1080),
}
_FREE_SCALE = 4
_FREE_LONG_SIDE = 3840


def default_output(aspect: Aspect, crop: Rect) -> Size:
    """The size that an export gets unless the person asks for another: even, in pixels.

    FREE: four times the crop, with its long side no longer than 3840.
    """
    if aspect is not Aspect.FREE:
        return _OUTPUTS[aspect]
    scale = min(_FREE_SCALE, _FREE_LONG_SIDE / max(crop.width, crop.height))
    return Size(_even(crop.width * scale), _even(crop.height * scale))


def _even(value: float) -> int:
    return max(2 * round(value / 2), MIN_OUTPUT_SIDE)


def new_project(project_id: str, media: MediaInfo) -> Project:
    """A project of one clip: the whole of `media`, upright, the largest crop in the middle.

    Raises ReelError `media.unusable` for a medium without length or area.
    """
    if media.size.width < 1 or media.size.height < 1 or media.duration_us < 1 or media.bytes < 1:
        raise ReelError.of(
            "media.unusable",
            "This video cannot be used",
            f"{media.name!r} is said to be {media.size.width}x{media.size.height} pixels, "
            f"{media.duration_us} microseconds and {media.bytes} bytes.",
            "Open a video file that plays in this browser.",
        )
    aspect = Aspect.PORTRAIT
    crop = framing.default_crop(media.size, aspect)
    clip = Clip(media, 0, media.duration_us, aspect, crop)
    name = media.name.rpartition(".")[0] or media.name or "Untitled"
    return Project(project_id, name, Output(default_output(aspect, crop)), [clip])


def selected_clip(project: Project) -> Clip:
    """The clip that edits are about."""
    return project.clips[project.selected]


def with_clip(project: Project, clip: Clip) -> Project:
    """The project with this one in the selected clip's place."""
    clips = [*project.clips]
    clips[project.selected] = clip
    return replace(project, clips=clips)


def with_crop(project: Project, crop: Rect) -> Project:
    """The crop frame moved or resized, clamped to the picture and the aspect. A FREE output follows the
    crop."""
    clip = selected_clip(project)
    clip = replace(clip, crop=framing.fit(crop, clip.media.size, clip.aspect))
    if clip.aspect is Aspect.FREE:
        project = replace(
            project, output=replace(project.output, size=default_output(clip.aspect, clip.crop))
        )
    return _refitted(with_clip(project, clip))


def with_aspect(project: Project, aspect: Aspect) -> Project:
    """The reel in another shape: each clip's crop around the same centre, the output at that aspect's usual
    size."""
    if aspect is selected_clip(project).aspect:
        return project
    clips = [_reshaped(clip, aspect) for clip in project.clips]
    project = replace(project, clips=clips)
    size = default_output(aspect, selected_clip(project).crop)
    return replace(project, output=replace(project.output, size=size))


def _reshaped(clip: Clip, aspect: Aspect) -> Clip:
    crop = framing.reshape(clip.crop, clip.media.size, aspect)
    return _with_fitting_keyframes(replace(clip, aspect=aspect, crop=crop))


def with_trim(project: Project, in_us: int, out_us: int) -> Project:
    """The clip's range, clamped to the medium and to MIN_CLIP_US (or the whole medium where that is
    shorter)."""
    clip = selected_clip(project)
    duration = clip.media.duration_us
    least = min(MIN_CLIP_US, duration)
    in_us = min(max(in_us, 0), duration - least)
    out_us = min(max(out_us, in_us + least), duration)
    return with_clip(project, replace(clip, in_us=in_us, out_us=out_us))


def with_output(project: Project, size: Size, model: ModelName) -> Project:
    """Another size or model for the export.

    Raises ReelError `output.size` where no encoder takes the size, `output.aspect` where it would distort the
    picture.
    """
    for side in (size.width, size.height):
        if side % 2 or not MIN_OUTPUT_SIDE <= side <= MAX_OUTPUT_SIDE:
            raise ReelError.of(
                "output.size",
                "That output size does not work",
                f"{size.width}x{size.height} was asked for.",
                f"Width and height must be even and between {MIN_OUTPUT_SIDE} and {MAX_OUTPUT_SIDE} pixels.",
            )
    crop = selected_clip(project).crop
    fitting = size.width * crop.height / crop.width
    if abs(fitting - size.height) > max(2.0, 0.01 * size.height):
        raise ReelError.of(
            "output.aspect",
            "That output size would distort the picture",
            f"{size.width}x{size.height} was asked for a crop of {crop.width:.0f}x{crop.height:.0f}.",
            f"A width of {size.width} goes with a height of {_even(fitting)}. Or change the aspect first.",
        )
    return replace(project, output=Output(size, model))


def with_framing(project: Project, settings: Framing) -> Project:
    """The crop follows otherwise. Raises ReelError `framing.range`."""
    presets.check(settings)
    return with_clip(project, replace(selected_clip(project), framing=settings))


def with_spotlight(project: Project, spotlight: Spotlight) -> Project:
    """The player is marked otherwise. Raises ReelError `spotlight.color` and `spotlight.strength`."""
    mark.check(spotlight)
    spotlight = replace(spotlight, label=spotlight.label[:LONGEST])
    return with_clip(project, replace(selected_clip(project), spotlight=spotlight))


def with_keyframe(project: Project, time_us: int, crop: Rect) -> Project:
    """The crop at that moment is this one, in the clip's shape. It takes the place of a keyframe in the same
    frame."""
    clip = selected_clip(project)
    time_us = min(max(time_us, 0), clip.media.duration_us)
    others = [each for each in clip.keyframes if abs(each.time_us - time_us) > SAME_FRAME_US]
    keyframes = sorted([*others, Keyframe(time_us, _of_shape(crop, clip))], key=lambda each: each.time_us)
    if len(keyframes) > MAX_KEYFRAMES:
        raise ReelError.of(
            "keyframe.too-many",
            "There are too many keyframes",
            f"A clip takes {MAX_KEYFRAMES}.",
            "Remove some, or split the clip.",
        )
    return with_clip(project, replace(clip, keyframes=keyframes))


def without_keyframe(project: Project, time_us: int) -> Project:
    """Without the keyframe nearest to that moment. Raises ReelError `keyframe.none`."""
    clip = selected_clip(project)
    if not clip.keyframes:
        hint = "Drag the crop frame while it moves to make one."
        raise ReelError.of("keyframe.none", "There is no keyframe", hint=hint, status=404)
    nearest = min(clip.keyframes, key=lambda each: abs(each.time_us - time_us))
    return with_clip(
        project, replace(clip, keyframes=[each for each in clip.keyframes if each is not nearest])
    )


def _refitted(project: Project) -> Project:
    return with_clip(project, _with_fitting_keyframes(selected_clip(project)))


def _with_fitting_keyframes(clip: Clip) -> Clip:
    """With keyframes in the picture and of the crop's shape."""
    keyframes = [replace(each, crop=_of_shape(each.crop, clip)) for each in clip.keyframes]
    return replace(clip, keyframes=keyframes)


def _of_shape(crop: Rect, clip: Clip) -> Rect:
    """The crop around the same centre, as high as it is where the picture allows, in the clip's shape."""
    shape = clip.crop.width / clip.crop.height
    width = crop.height * shape
    shaped = Rect(crop.x + (crop.width - width) / 2, crop.y, width, crop.height)
    return framing.fit(shaped, clip.media.size, clip.aspect)


def with_player(project: Project, track_id: str) -> Project:
    """The reel is about this player ("": nobody in particular)."""
    return with_clip(project, replace(selected_clip(project), track_id=track_id))


def with_track_edit(project: Project, edit: TrackEdit) -> Project:
    """One more correction of the tracks."""
    clip = selected_clip(project)
    return with_clip(project, replace(clip, track_edits=[*clip.track_edits, edit]))


def with_media(project: Project, media: MediaInfo) -> Project:
    """The same clips on what the server's probe says of their medium; crops and ranges are clamped where it
    says less."""
    kept = project.selected
    for index, clip in enumerate(project.clips):
        if (clip.media.name, clip.media.bytes) != (media.name, media.bytes):
            continue
        crop = framing.fit(clip.crop, media.size, clip.aspect)
        project = replace(with_clip_at(project, index, replace(clip, media=media, crop=crop)), selected=index)
        project = with_trim(_refitted(project), clip.in_us, clip.out_us)
    return replace(project, selected=kept)


def with_clip_at(project: Project, index: int, clip: Clip) -> Project:
    """The project with this one in that clip's place."""
    return replace(with_clip(replace(project, selected=index), clip), selected=project.selected)


def same_media(one: Project, other: Project) -> bool:
    """Whether both are about the same files, as far as names and lengths tell."""

    def files(project: Project) -> set[tuple[str, int]]:
        return {(clip.media.name, clip.media.bytes) for clip in project.clips}

    return files(one) == files(other)


@dataclass(slots=True)
class History:
    """The present project, and those before and after it.

    Id, revision and medium are no edits: `adopt` changes them in all that undo and redo can reach.
    """

    present: Project
    _past: list[Project] = field(default_factory=list)
    _future: list[Project] = field(default_factory=list)
    _gesture: str = ""

    LIMIT = 500
    """Steps that can be undone."""

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    @property
    def touched(self) -> bool:
        """Whether anything was edited since the project was opened."""
        return bool(self._past or self._future)

    def edit(self, project: Project, gesture: str = "") -> bool:
        """Makes `project` the present one; says whether that changed anything.

        Successive edits with the same non-empty `gesture` are one step.
        """
        if project == self.present:
            return False
        if not (gesture and gesture == self._gesture):
            self._past.append(self.present)
            del self._past[: -self.LIMIT]
        self._gesture = gesture
        self._future.clear()
        self.present = project
        return True

    def select(self, index: int) -> bool:
        """Another clip is worked on: no edit, so nothing to undo. False where it is already."""
        if index == self.present.selected:
            return False
        self._gesture = ""
        self.present = replace(self.present, selected=index)
        return True

    def undo(self) -> bool:
        """One step back; False when there is none."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """One step forward again; False when there is none."""
        return self._step(self._future, self._past)

    def _step(self, source: list[Project], target: list[Project]) -> bool:
        self._gesture = ""
        if not source:
            return False
        target.append(self.present)
        self.present = source.pop()
        return True

    def adopt(
        self, *, project_id: str | None = None, revision: int | None = None, media: MediaInfo | None = None
    ) -> None:
        """Takes over what is no edit: another id, the stored document's revision, the probed medium."""

        def adopted(project: Project) -> Project:
            if media is not None:
                project = with_media(project, media)
            return replace(
                project,
                id=project.id if project_id is None else project_id,
                revision=project.revision if revision is None else revision,
            )

        self.present = adopted(self.present)
        self._past = [adopted(project) for project in self._past]
        self._future = [adopted(project) for project in self._future]
