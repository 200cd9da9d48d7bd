"""tracking: having the players of a media file found and followed, and a project's list of such jobs."""

from pycore.protocol import Job, JobKind, ReelError, TrackingRequest
from server.api.asking import IDEMPOTENCY_HEADER, complete_media, idempotency_key
from server.api.operations import Answer, Call, Operation
from server.api.services import Services
from server.gpu.estimates import Work


def create(call: Call) -> Job | Answer:
    services, project_id, request = call.services, call.path["id"], call.body
    key = idempotency_key(call)
    project = services.projects.get(project_id)
    known = services.jobs.made_before(project_id, request, key)
    if known is not None:
        return Answer(known, 200)
    work = _work(services, project_id, request)
    choice = services.routing.choose(call.owner, request.route, work)
    job, new = services.jobs.create(
        project_id,
        request,
        name=f"Players of {project.name or 'Untitled'}",
        estimate=choice.estimate,
        reason=choice.reason,
        idempotency_key=key,
    )
    return job if new else Answer(job, 200)


def newest(call: Call) -> list[Job]:
    project = call.services.projects.get(call.path["id"])
    return call.services.jobs.newest(project.id, kind=JobKind.TRACKING)


def _work(services: Services, project_id: str, request: TrackingRequest) -> Work:
    """What there is to look at. ReelError `tracking.no-picture` and `tracking.empty-range`."""
    info = complete_media(services, project_id, request.media_id).info
    assert info is not None
    if info.size.width == 0:
        raise ReelError.of(
            "tracking.no-picture",
            "Nothing to look at",
            f"{info.name} has sound only.",
            "Choose a file with a picture.",
            422,
        )
    end = info.duration_us if request.out_us is None else min(request.out_us, info.duration_us)
    if not 0 <= request.in_us < end:
        raise ReelError.of(
            "tracking.empty-range",
            "Nothing to look at",
            f"No frame is shown from {request.in_us / 1e6:.3f} s on and before {end / 1e6:.3f} s.",
            "Move the start or the end.",
            422,
        )
    frames = max(round((end - request.in_us) / 1e6 * (info.fps or 30)), 1)
    return Work.of_tracking(info.size, frames)


OPERATIONS = (
    Operation(
        "POST",
        "/projects/{id}/tracking",
        "Ask for the players of a media file to be found and followed; 202 with a new job, 200 with the one "
        "that the same Idempotency-Key made before. Its result is a Tracking document.",
        "tracking",
        create,
        body=TrackingRequest,
        answer=Job,
        status=202,
        statuses=(200,),
        problems=(404, 409, 422),
        headers=IDEMPOTENCY_HEADER,
    ),
    Operation(
        "GET",
        "/projects/{id}/tracking",
        "The project's tracking jobs, newest first.",
        "tracking",
        newest,
        answer=list[Job],
        problems=(404,),
    ),
)
