"""estimates: what an export would take, before anything is uploaded."""

from pycore.protocol import Estimate, EstimateRequest, ReelError
from server.api.operations import Call, Operation
from server.gpu.estimates import crop_size
from server.gpu.router import mark_recommended

USUAL_FPS = 30.0
MOST_FRAMES = 10_000_000
MOST_DURATION_US = 24 * 3600 * 1_000_000
MOST_SIDE = 65_536


def estimate(call: Call) -> list[Estimate]:
    request: EstimateRequest = call.body
    for field, value, most in (
        ("duration_us", request.duration_us, MOST_DURATION_US),
        ("crop.width", request.crop.width, MOST_SIDE),
        ("crop.height", request.crop.height, MOST_SIDE),
    ):
        if not 0 < value <= most:
            raise _invalid(f"body.{field}", f"It must be greater than 0 and at most {most}.")
    frames = max(round(request.duration_us / 1e6 * (request.fps or USUAL_FPS)), 1)
    if request.fps < 0 or frames > MOST_FRAMES:
        raise _invalid("body.fps", f"{request.fps:g} frames per second are no video of that length.")
    crop = crop_size(request.crop)
    return mark_recommended(call.services.estimates(crop, frames, request.model))


def _invalid(field: str, what: str) -> ReelError:
    return ReelError.of("request.invalid", "The request does not fit", f"{field}: {what}", "Correct it.", 422)


OPERATIONS = (
    Operation(
        "POST",
        "/estimates",
        "Time and cost of an export on each route, the recommended one marked.",
        "estimates",
        estimate,
        body=EstimateRequest,
        answer=list[Estimate],
    ),
)
