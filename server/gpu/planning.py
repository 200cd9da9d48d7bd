"""Cuts an export into segments. The same for every processor; loads no torch and decodes no more than a first
frame."""

from pathlib import Path

from pycore.framing.crop import snap
from pycore.protocol import Rect, ReelError, Size
from server.gpu.base import ExportPlan, ExportSpec, Segment
from server.gpu.models.descriptor import descriptor
from server.video.probe import inspect

MIN_SIDE = 16
MAX_SIDE = 4096
SHAPE_TOLERANCE = 0.01
"""A crop whose shape differs from the output's by less is stretched (invisibly: whole pixels cannot meet
every shape)."""


def plan_export(source: Path, spec: ExportSpec) -> ExportPlan:
    """See GpuProcessor.plan."""
    model = descriptor(spec.model)
    _check_size(spec.size)
    probed = inspect(source)
    table = probed.table
    first, count = table.trim(spec.in_us, spec.out_us)
    if count == 0:
        raise _refused(
            "export.empty-range",
            "Nothing to export",
            f"No frame is shown between {spec.in_us / 1e6:.3f} s and {spec.out_us / 1e6:.3f} s; "
            f"the video lasts {table.duration_us / 1e6:.3f} s.",
            "Move the start or the end.",
        )
    crop, notes = _fill(_inside(spec.crop, probed.size), spec.size)
    times = table.times_us()
    end = int(times[first + count]) if first + count < len(table) else table.duration_us
    return ExportPlan(
        spec=spec,
        segments=_segments(first, count, model.window(table.fps)),
        frames=count,
        source_size=probed.size,
        crop=Rect(*crop),
        in_size=Size(crop[2], crop[3]),
        out_size=spec.size,
        scale=model.scale,
        duration_us=end - int(times[first]),
        has_audio=probed.has_audio,
        notes=[*probed.notes, *notes],
    )


def _segments(first: int, count: int, window: int) -> list[Segment]:
    segments = []
    begin, end = first, first + count
    while begin < end:
        behind = min((begin // window + 1) * window, end)
        segments.append(Segment(len(segments), begin, behind - begin))
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
