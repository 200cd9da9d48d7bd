"""Cuts an export into segments. The same for every processor; loads no torch and decodes no more than a first
frame."""

from pycore.framing.crop import snap
from pycore.framing.placing import window_size
from pycore.protocol import ExportClip, ExportRequest, Rect, ReelError, Size
from server.gpu.base import ClipPlan, ExportPlan, Segment, Sources
from server.gpu.models.descriptor import descriptor
from server.gpu.moving import check_motion, moving_crops, standing
from server.video.encode import common_timescale
from server.video.probe import Source, inspect

MIN_SIDE = 16
MAX_SIDE = 4096
SHAPE_TOLERANCE = 0.01
"""A crop whose shape differs from the output's by less is stretched (invisibly: whole pixels cannot meet
every shape)."""


def plan_export(sources: Sources, request: ExportRequest) -> ExportPlan:
    """See GpuProcessor.plan."""
    _check_size(request.size)
    if len(request.clips) != 1:
        raise _refused(
            "export.clips",
            "One clip at a time",
            f"{len(request.clips)} clips were asked for.",
            "Ask for one.",
        )
    clips, segments, notes = [], [], []
    for index, clip in enumerate(request.clips):
        probed = inspect(sources[clip.media_id])
        planned, said = _plan_clip(probed, clip, request)
        clips.append(planned)
        notes += [note for note in said if note not in notes]
        window = descriptor(request.model).window(probed.table.fps)
        segments += _segments(len(segments), index, planned, window)
    tables = [inspect(sources[clip.media_id]).table for clip in request.clips]
    return ExportPlan(
        request=request,
        clips=clips,
        segments=segments,
        frames=sum(clip.frames for clip in clips),
        out_size=request.size,
        fps=max(table.fps for table in tables),
        timescale=common_timescale([table.time_base for table in tables]),
        duration_us=sum(clip.duration_us for clip in clips),
        has_audio=any(clip.has_audio for clip in clips),
        notes=notes,
    )


def _plan_clip(probed: Source, clip: ExportClip, request: ExportRequest) -> tuple[ClipPlan, list[str]]:
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
    check_motion(clip, probed.size)
    times = table.times_us()
    asked = standing(clip.path) or clip.crop
    crop, notes = _fill(_inside(asked, probed.size), request.size)
    moves, in_size = False, Size(crop[2], crop[3])
    if clip.path and standing(clip.path) is None:
        shape = request.size.width / request.size.height
        crops = moving_crops(clip, probed.size, shape, times[first : first + count].tolist())
        moves, in_size, notes = True, window_size(crops, probed.size), []
    end = int(times[first + count]) if first + count < len(table) else table.duration_us
    planned = ClipPlan(
        first_frame=first,
        frames=count,
        source_size=probed.size,
        crop=Rect(*crop),
        in_size=in_size,
        scale=descriptor(request.model).scale,
        duration_us=end - int(times[first]),
        has_audio=probed.has_audio,
        moves=moves,
    )
    return planned, [*probed.notes, *notes]


def _segments(index: int, clip: int, plan: ClipPlan, window: int) -> list[Segment]:
    """The clip's windows; the first gets the number `index`."""
    segments = []
    begin, end = plan.first_frame, plan.first_frame + plan.frames
    while begin < end:
        behind = min((begin // window + 1) * window, end)
        segments.append(Segment(index + len(segments), clip, begin, behind - begin))
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


def _fill(crop: tuple[int, int, int, int], size: Size) -> tuple[tuple[int, int, int, int], list[str]]:
    """The crop narrowed around its centre to the output's shape, so that nothing is distorted and no bars
    appear."""
    x, y, width, height = crop
    wanted = size.width / size.height
    if abs(width / height / wanted - 1) <= SHAPE_TOLERANCE:
        return crop, []
    narrow = min(width, max(1, round(height * wanted)))
    low = min(height, max(1, round(width / wanted)))
    filled = (x + (width - narrow) // 2, y + (height - low) // 2, narrow, low)
    note = (
        f"The crop was narrowed from {width}×{height} to {narrow}×{low} to fill {size.width}×{size.height}."
    )
    return filled, [note]


def _refused(code: str, title: str, detail: str, hint: str) -> ReelError:
    return ReelError.of(code, title, detail, hint, 422)
