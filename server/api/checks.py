"""Whether an export makes sense for its source, told before any work is queued. The processor's plan checks
again."""

from pycore.framing.crop import is_inside
from pycore.protocol import ExportRequest, MediaInfo, ReelError, Size
from server.gpu.models.descriptor import descriptor

MIN_SIDE = 16
MAX_SIDE = 8192
SLACK_US = 100_000
"""How far a range may reach beyond the probed end: browsers and probes disagree by a frame or two."""


def check_export(request: ExportRequest, info: MediaInfo) -> None:
    """ReelError names the field that does not fit the source."""
    check_size(request.size)
    descriptor(request.model)
    if not 0 <= request.in_us < request.out_us:
        raise _invalid(
            "body.in_us",
            f"The range from {request.in_us} to {request.out_us} µs is empty.",
            "Its end must lie after its beginning.",
        )
    if request.out_us > info.duration_us + SLACK_US:
        raise _invalid(
            "body.out_us",
            f"{request.out_us} µs is beyond the end; the video lasts {info.duration_us} µs.",
            "Choose a range inside the video.",
        )
    if not is_inside(request.crop, info.size):
        raise _invalid(
            "body.crop",
            f"{request.crop.width:g}x{request.crop.height:g} at ({request.crop.x:g}, {request.crop.y:g}) is not inside "
            f"the picture of {info.size.width}x{info.size.height}.",
            "Move the crop into the picture.",
        )


def check_size(size: Size) -> None:
    """ReelError for a size that no export can have."""
    for side in (size.width, size.height):
        if side % 2 or not MIN_SIDE <= side <= MAX_SIDE:
            raise _invalid(
                "body.size",
                f"{size.width}x{size.height} cannot be encoded.",
                f"Both sides must be even and {MIN_SIDE} to {MAX_SIDE} pixels.",
            )


def _invalid(field: str, what: str, hint: str) -> ReelError:
    return ReelError.of("request.invalid", "The request does not fit", f"{field}: {what}", hint, 422)
