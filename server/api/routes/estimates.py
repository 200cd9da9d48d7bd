"""estimates: what an export would take, before anything is uploaded."""

from pycore.protocol import Estimate, EstimateClip, EstimateRequest, ReelError
from server.api.operations import Call, Operation
from server.gpu.estimates import Work, crop_size, work_pixels

USUAL_FPS = 30.0
MOST_FRAMES = 10_000_000
MOST_DURATION_US = 24 * 3600 * 1_000_000
MOST_SIDE = 65_536
MOST_CLIPS = 200


def estimate(call: Call) -> list[Estimate]:
    request: EstimateRequest = call.body
    if not 1 <= len(request.clips) <= MOST_CLIPS:
        raise _invalid("body.clips", f"There must be 1 to {MOST_CLIPS}.")
    for field, side in (("width", request.size.width), ("height", request.size.height)):
        if not 0 < side <= MOST_SIDE:
            raise _invalid(f"body.size.{field}", f"It must be greater than 0 and at most {MOST_SIDE}.")
    work, frames = 0.0, 0
    for index, clip in enumerate(request.clips):
        made = _frames(clip, f"body.clips[{index}]")
        between = _between(clip, made)
        work += work_pixels(crop_size(clip.crop), made, request.model)
        work += between * request.size.width * request.size.height
        frames += made + between
    if frames > MOST_FRAMES:
        raise _invalid("body.clips", f"{frames} frames are too many; {MOST_FRAMES} are allowed.")
    return call.services.routing.estimates(call.owner, Work.of_export(work, frames, request.model))


def _frames(clip: EstimateClip, where: str) -> int:
    for field, value, most in (
        ("duration_us", clip.duration_us, MOST_DURATION_US),
        ("crop.width", clip.crop.width, MOST_SIDE),
        ("crop.height", clip.crop.height, MOST_SIDE),
    ):
        if not 0 < value <= most:
            raise _invalid(f"{where}.{field}", f"It must be greater than 0 and at most {most}.")
    frames = max(round(clip.duration_us / 1e6 * (clip.fps or USUAL_FPS)), 1)
    if clip.fps < 0 or frames > MOST_FRAMES:
        raise _invalid(f"{where}.fps", f"{clip.fps:g} frames per second are no video of that length.")
    return frames


def _between(clip: EstimateClip, frames: int) -> int:
    """How many frames slow motion adds."""
    if clip.slow is None or clip.slow.factor not in (2, 4):
        return 0
    slow_us = min(max(clip.slow.out_us - clip.slow.in_us, 0), clip.duration_us)
    return round(frames * slow_us / clip.duration_us) * (clip.slow.factor - 1)


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
