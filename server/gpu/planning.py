"""Cuts an export into segments. The same for every processor; loads no torch and decodes no more than a first
frame."""

import math
from dataclasses import replace

import numpy as np

from pycore.framing.crop import filled, snap
from pycore.framing.placing import window_size
from pycore.protocol import ExportClip, ExportRequest, Music, Rect, ReelError, Size
from server.gpu.base import ClipPlan, ExportPlan, Segment, Sources
from server.gpu.models.descriptor import Descriptor, descriptor
from server.gpu.moving import check_motion, moving_crops, standing
from server.video.encode import common_timescale
from server.video.frames import FrameTable
from server.video.probe import Source, inspect, inspect_music
from server.video.timeline import Timeline, timeline

MAX_CLIPS = 200
MAX_FREEZE_US = 10_000_000
MIN_SIDE = 16
MAX_SIDE = 4096


def plan_export(sources: Sources, request: ExportRequest, own: Descriptor | None = None) -> ExportPlan:
    """See GpuProcessor.plan. `own`: the user's own model, in place of the one that the request names."""
    model = own or descriptor(request.model)
    _check_size(request.size)
    if not 1 <= len(request.clips) <= MAX_CLIPS:
        raise _refused(
            "export.clips",
            "Not a number of clips that can be exported",
            f"{len(request.clips)} clips were asked for.",
            f"Ask for 1 to {MAX_CLIPS}.",
        )
    if request.music is not None:
        _check_music(inspect_music(sources[request.music.media_id])[0].duration_us, request.music)
    tables = [inspect(sources[clip.media_id]).table for clip in request.clips]
    timescale = common_timescale([table.time_base for table in tables])
    clips: list[ClipPlan] = []
    segments: list[Segment] = []
    notes: list[str] = []
    for index, clip in enumerate(request.clips):
        probed = inspect(sources[clip.media_id])
        planned, said = _plan_clip(probed, clip, request, model.scale)
        times = clip_timeline(probed.table, planned, clip, timescale)
        planned = replace(
            planned,
            duration_us=round(int(times.ticks[-1]) * 1_000_000 / timescale),
            between=int(np.count_nonzero(times.share)),
        )
        clips.append(planned)
        notes += [note for note in said if note not in notes]
        window = model.window(probed.table.fps)
        segments += _segments(len(segments), index, planned, window, times)
    if len({round(table.fps, 2) for table in tables}) > 1:
        rates = ", ".join(f"{rate:g}" for rate in sorted({round(table.fps, 2) for table in tables}))
        notes.append(f"The clips have different frame rates ({rates}); each keeps its own.")
    return ExportPlan(
        request=request,
        clips=clips,
        segments=segments,
        frames=sum(segment.frames for segment in segments),
        out_size=request.size,
        fps=max(table.fps for table in tables),
        timescale=timescale,
        duration_us=sum(clip.duration_us for clip in clips),
        has_audio=request.music is not None or any(clip.has_audio for clip in clips),
        notes=notes,
        model_file=own.file if own else "",
    )


def clip_timeline(table: FrameTable, plan: ClipPlan, clip: ExportClip, timescale: int) -> Timeline:
    """When the clip's frames are shown."""
    first, frames = plan.first_frame, plan.frames
    return timeline(table, first, frames, timescale, clip.freeze_us, clip.slow)


def _check_times(clip: ExportClip) -> None:
    if not 0 <= clip.freeze_us <= MAX_FREEZE_US:
        raise _refused(
            "export.freeze",
            "The first frame cannot stand still for so long",
            f"{clip.freeze_us / 1e6:g} s were asked for.",
            f"Ask for 0 to {MAX_FREEZE_US / 1e6:g} s.",
        )
    if clip.slow is not None and (clip.slow.factor not in (2, 4) or clip.slow.out_us <= clip.slow.in_us):
        raise _refused(
            "export.slow",
            "This slow motion makes no sense",
            f"A factor of {clip.slow.factor} from {clip.slow.in_us} to {clip.slow.out_us} microseconds.",
            "Ask for a factor of 2 or 4 and a range that is not empty.",
        )


def _check_music(length: int, music: Music) -> None:
    if not 0 <= music.start_us < length or not 0 <= music.volume <= 1:
        raise _refused(
            "export.music",
            "The music cannot be used like this",
            f"From {music.start_us / 1e6:g} s of {length / 1e6:g} s, at a volume of {music.volume:g}.",
            "Start inside the music, at a volume from 0 to 1.",
        )


def _plan_clip(
    probed: Source, clip: ExportClip, request: ExportRequest, scale: int
) -> tuple[ClipPlan, list[str]]:
    table = probed.table
    first, count = table.trim(clip.in_us, clip.out_us)
    if count == 0:
        raise _refused(
            "export.empty-range",
            "Nothing to export",
            f"No frame is shown between {clip.in_us / 1e6:.3f} s and {clip.out_us / 1e6:.3f} s; "
            f"the video lasts {table.duration_us / 1e6:.3f} s.",
            "Move the start or the end.",
        )
    _check_times(clip)
    check_motion(clip, probed.size)
    times = table.times_us()
    asked = clip.path[0].rect if clip.path else clip.crop
    inside = _inside(asked, probed.size)
    crop = filled(inside, request.size)
    notes = [] if crop == inside else [_narrowed(inside, crop, request.size)]
    moves, in_size, crops = False, Size(crop[2], crop[3]), []
    if clip.path and standing(clip.path) is None:
        shape = request.size.width / request.size.height
        crops = moving_crops(clip, probed.size, shape, times[first : first + count].tolist())
        moves, in_size, notes = True, window_size(crops, probed.size), []
    sides = [(each.width, each.height) for each in crops] or [(crop[2], crop[3])]
    if all(math.ceil(w) >= request.size.width and math.ceil(h) >= request.size.height for w, h in sides):
        scale = 1
        notes = [*notes, "The crop has as many pixels as the result: nothing had to be upscaled."]
    end = int(times[first + count]) if first + count < len(table) else table.duration_us
    planned = ClipPlan(
        first_frame=first,
        frames=count,
        source_size=probed.size,
        crop=Rect(*crop),
        in_size=in_size,
        scale=scale,
        duration_us=end - int(times[first]),
        has_audio=probed.has_audio,
        moves=moves,
    )
    return planned, [*probed.notes, *notes]


def _segments(index: int, clip: int, plan: ClipPlan, window: int, times: Timeline) -> list[Segment]:
    """The clip's windows; the first gets the number `index`."""
    segments = []
    begin, end = plan.first_frame, plan.first_frame + plan.frames
    while begin < end:
        behind = min((begin // window + 1) * window, end)
        rows = times.rows(begin, behind - begin)
        segments.append(Segment(index + len(segments), clip, begin, behind - begin, rows.stop - rows.start))
        begin = behind
    return segments


def _check_size(size: Size) -> None:
    text = f"{size.width}×{size.height}"
    if size.width % 2 or size.height % 2:
        even = f"{size.width + size.width % 2}×{size.height + size.height % 2}"
        raise _refused("export.odd-size", "Odd output size", f"{text} has an odd side.", f"Ask for {even}.")
    if not (MIN_SIDE <= size.width <= MAX_SIDE and MIN_SIDE <= size.height <= MAX_SIDE):
        raise _refused(
            "export.size-out-of-range",
            "Output size out of range",
            f"{text} was asked for.",
            f"Both sides must lie between {MIN_SIDE} and {MAX_SIDE} pixels.",
        )


def _inside(crop: Rect, picture: Size) -> tuple[int, int, int, int]:
    slack = 0.5  # whole pixels are what counts
    inside = (
        crop.width >= 1
        and crop.height >= 1
        and crop.x >= -slack
        and crop.y >= -slack
        and crop.x + crop.width <= picture.width + slack
        and crop.y + crop.height <= picture.height + slack
    )
    if not inside:  # in this form a NaN is outside too
        raise _refused(
            "export.crop-outside",
            "Crop outside the picture",
            f"The crop of {crop.width:g}×{crop.height:g} at ({crop.x:g}, {crop.y:g}) does not lie in the "
            f"picture of {picture.width}×{picture.height}.",
            "Move or shrink the crop.",
        )
    return snap(crop, picture)


def _narrowed(crop: tuple[int, int, int, int], to: tuple[int, int, int, int], size: Size) -> str:
    return (
        f"The crop was narrowed from {crop[2]}×{crop[3]} to {to[2]}×{to[3]} to fill "
        f"{size.width}×{size.height}."
    )


def _refused(code: str, title: str, detail: str, hint: str) -> ReelError:
    return ReelError.of(code, title, detail, hint, 422)
