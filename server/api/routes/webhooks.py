"""webhooks: RunPod says that a job is over. RunPod signs nothing, so the URL that it was given carries our
signature and the moment until which it counts, and none counts any more once its attempt is over. What comes
is a reason to look, never believed."""

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.api.operations import Operation, read_body
from server.api.services import Services
from server.jobs.remote_tasks import webhook_path
from server.storage.signing import UrlSigner


async def runpod(services: Services, request: Request) -> Response:
    """Notes that there is something to look at. 200, no other: else RunPod sends it twice more."""
    attempt_id = request.path_params["id"]
    signer = UrlSigner(services.config.signing_key(), "", services.clock)
    signer.check("POST", webhook_path(attempt_id), request.query_params)
    body = await read_body(request, services.config.max_body_bytes)
    await run_in_threadpool(services.attempts.nudge, attempt_id, _remote_id(body))
    return Response()


def _remote_id(body: bytes) -> str | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    found = told.get("id") if isinstance(told, dict) else None
    return found if isinstance(found, str) else None


OPERATIONS = (
    Operation(
        "POST",
        "/webhooks/runpod/{id}",
        "RunPod says that the job of an attempt is over; only with the URL that it was given.",
        "webhooks",
        raw=runpod,
        status=200,
        query={
            "expires": "Unix seconds until which the URL works.",
            "signature": "Of method, path and all other parameters.",
        },
        problems=(403, 404, 410, 413),
    ),
)
