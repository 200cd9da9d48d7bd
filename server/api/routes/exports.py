"""exports: asking for one, and a project's list of them."""

from contextlib import ExitStack
from pathlib import Path

from pycore.protocol import ExportRequest, Job, ReelError
from server.api.operations import Answer, Call, Operation
from server.api.services import Services
from server.gpu.base import ExportPlan
from server.gpu.router import choose


def create(call: Call) -> Job | Answer:
    services, project_id, request = call.services, call.path["id"], call.body
    key = _idempotency_key(call)
    project = services.projects.get(project_id)
    known = services.jobs.made_before(project_id, request, key)
    if known is not None:
        return Answer(known, 200)
    plan = _plan(services, project_id, request)
    estimates = services.estimates(plan.work_pixels, plan.frames, request.model)
    choice = choose(request.route, estimates)
    job, new = services.jobs.create(
        project_id,
        request,
        name=project.name or "Untitled",
        estimate=choice.estimate,
        reason=choice.reason,
        idempotency_key=key,
    )
    return job if new else Answer(job, 200)


def newest(call: Call) -> list[Job]:
    return call.services.jobs.newest(call.services.projects.get(call.path["id"]).id)


def _plan(services: Services, project_id: str, request: ExportRequest) -> ExportPlan:
    """What the export will be; the planning itself says what does not fit the sources."""
    from server.gpu.planning import plan_export  # loads PyAV

    with ExitStack() as stack:
        sources: dict[str, Path] = {}
        for media_id in request.media_ids():
            media = services.media.get(project_id, media_id)
            if media.info is None:
                raise ReelError.of(
                    "media.incomplete",
                    "The media file is not there yet",
                    f"The upload of {media.name} is not complete.",
                    "Send the missing parts and complete the upload.",
                    409,
                )
            sources[media_id] = stack.enter_context(services.storage.as_file(media.key))
        return plan_export(sources, request)


def _idempotency_key(call: Call) -> str | None:
    key = call.headers.get("idempotency-key")
    if key is not None and (not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable()):
        raise ReelError.of(
            "request.invalid",
            "The request does not fit",
            "Idempotency-Key: It must have 1 to 255 printable ASCII characters.",
            "A UUID is a good one.",
            422,
        )
    return key


OPERATIONS = (
    Operation(
        "POST",
        "/projects/{id}/exports",
        "Ask for an export; 202 with a new job, 200 with the one that the same Idempotency-Key made before.",
        "exports",
        create,
        body=ExportRequest,
        answer=Job,
        status=202,
        statuses=(200,),
        problems=(404, 409, 422),
        headers={"Idempotency-Key": "Any text of your choice: the same one never makes a second job."},
    ),
    Operation(
        "GET",
        "/projects/{id}/exports",
        "The project's exports, newest first.",
        "exports",
        newest,
        answer=list[Job],
        problems=(404,),
    ),
)
