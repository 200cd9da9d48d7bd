"""exports: asking for one, and a project's list of them."""

from contextlib import ExitStack
from pathlib import Path

from pycore.protocol import ExportRequest, Job, JobKind
from server.api.asking import IDEMPOTENCY_HEADER, complete_media, idempotency_key
from server.api.following import planned
from server.api.operations import Answer, Call, Operation
from server.api.services import Services
from server.gpu.base import ExportPlan
from server.gpu.estimates import Work


def create(call: Call) -> Job | Answer:
    services, project_id, request = call.services, call.path["id"], call.body
    key = idempotency_key(call)
    project = services.projects.get(project_id)
    known = services.jobs.made_before(project_id, request, key)
    if known is not None:
        return Answer(known, 200)
    request = planned(services, project_id, request)
    plan = _plan(services, project_id, request)
    choice = services.routing.choose(
        call.owner, request.route, Work.of_export(plan.work_pixels, plan.frames, request.model)
    )
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
    project = call.services.projects.get(call.path["id"])
    return call.services.jobs.newest(project.id, kind=JobKind.EXPORT)


def _plan(services: Services, project_id: str, request: ExportRequest) -> ExportPlan:
    """What the export will be; the planning itself says what does not fit the sources."""
    from server.gpu.planning import plan_export  # loads PyAV

    with ExitStack() as stack:
        sources: dict[str, Path] = {}
        for media_id in request.media_ids():
            media = complete_media(services, project_id, media_id)
            sources[media_id] = stack.enter_context(services.storage.as_file(media.key))
        return plan_export(sources, request)


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
        headers=IDEMPOTENCY_HEADER,
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
