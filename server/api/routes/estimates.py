"""estimates: what an export, or having the players found, would take, before anything is uploaded."""

from collections.abc import Iterable

from pycore.protocol import Estimate, EstimateClip, EstimateRequest, ReelError, TrackingEstimateRequest
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


def estimate_tracking(call: Call) -> list[Estimate]:
    request: TrackingEstimateRequest = call.body
    size = request.size
    _check("body", (("size.width", size.width, MOST_SIDE), ("size.height", size.height, MOST_SIDE)))
    frames = _count(request.duration_us, request.fps, "body")
    return call.services.routing.estimates(call.owner, Work.of_tracking(size, frames))


def _frames(clip: EstimateClip, where: str) -> int:
    crop = clip.crop
    _check(where, (("crop.width", crop.width, MOST_SIDE), ("crop.height", crop.height, MOST_SIDE)))
    return _count(clip.duration_us, clip.fps, where)


def _count(duration_us: int, fps: float, where: str) -> int:
    _check(where, (("duration_us", duration_us, MOST_DURATION_US),))
    frames = max(round(duration_us / 1e6 * (fps or USUAL_FPS)), 1)
    if fps < 0 or frames > MOST_FRAMES:
        raise _invalid(f"{where}.fps", f"{fps:g} frames per second are no video of that length.")
    return frames


def _check(where: str, limits: Iterable[tuple[str, float, int]]) -> None:
    for field, value, most in limits:
        if not 0 < value <= most:
            raise _invalid(f"{where}.{field}", f"It must be greater than 0 and at most {most}.")


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
    Operation(
        "POST",
        "/estimates/tracking",
        "Time and cost of finding and following a video's players on each route, the recommended one marked.",
        "estimates",
        estimate_tracking,
        body=TrackingEstimateRequest,
        answer=list[Estimate],
    ),
)
