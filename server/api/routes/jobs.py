"""jobs: reading, cancelling, deleting, results, and events over a WebSocket."""

import asyncio
import contextlib
import re
from pathlib import PurePath

from starlette.responses import RedirectResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from pycore.protocol import Job, JobEvent, JobKind, JobState, ReelError, Tracking
from server.api.auth import OWNER
from server.api.following import found
from server.api.operations import Call, Operation
from server.api.services import Services
from server.db.tokens import LOCAL
from server.db.trash import empty_trash
from server.storage.keys import result_keys, tracking_key

NOT_FOUND = 4404
"""The WebSocket's close code for a job that is not there."""


def newest(call: Call) -> list[Job]:
    return call.services.jobs.newest(call.query.get("project_id"), call.owner)


def read(call: Call) -> Job:
    return call.services.jobs.get(call.path["id"])


def cancel(call: Call) -> Job:
    return call.services.jobs.cancel(call.path["id"])


def delete(call: Call) -> None:
    call.services.jobs.delete(call.path["id"])
    empty_trash(call.services.database, call.services.storage)


def result(call: Call) -> Response:
    services = call.services
    job = services.jobs.get(call.path["id"])
    if job.state is not JobState.SUCCEEDED:
        raise ReelError.of(
            "job.no-result",
            "The job has no result",
            f"It is {job.state.value}.",
            "Wait for it to succeed." if not job.state.final else "Export again.",
            409,
        )
    expires_at = int(services.clock()) + services.config.url_seconds
    key = tracking_key(job.id) if job.kind is JobKind.TRACKING else result_keys(job.id)[0]
    url = services.storage.url_to_get(key, file_name(job), expires_at)
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


def tracking(call: Call) -> Tracking:
    return found(call.services, call.services.jobs.get(call.path["id"]))


def file_name(job: Job) -> str:
    """What the downloaded file is called: the job's name without what file systems dislike."""
    stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', " ", PurePath(job.name).stem).strip(" .") or "reel"
    size = f"-{job.result.out_size.width}x{job.result.out_size.height}" if job.result else ""
    return f"{stem[:100]}{size}.{'json' if job.kind is JobKind.TRACKING else 'mp4'}"


async def events(services: Services, websocket: WebSocket) -> None:
    """Sends JobEvents until the final one, then closes with 1000."""
    after = websocket.query_params.get("after")
    await websocket.accept()
    if after is not None and not (after.isdecimal() and len(after) < 16):
        await websocket.close(1008, "after must be a whole number")
        return
    leaving = asyncio.create_task(_left(websocket))
    sending = asyncio.create_task(_send(services, websocket, None if after is None else int(after)))
    try:
        await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await sending
    finally:
        for task in (leaving, sending):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect):
                await task


async def _send(services: Services, websocket: WebSocket, after: int | None) -> None:
    job_id, owner = websocket.path_params["id"], websocket.scope.get(OWNER, LOCAL)
    try:
        await asyncio.to_thread(services.owners.check_job, owner, job_id)
        async with contextlib.aclosing(services.watch.follow(job_id, after)) as stream:
            async for told in stream:
                await websocket.send_text(told.text)
    except ReelError as error:
        await websocket.close(NOT_FOUND, error.problem.title)
    else:
        await websocket.close(1000)


async def _left(websocket: WebSocket) -> None:
    """Returns when the other side goes; what it says meanwhile is of no interest."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


OPERATIONS = (
    Operation(
        "GET",
        "/jobs",
        "The jobs, newest first.",
        "jobs",
        newest,
        answer=list[Job],
        query={"project_id": "Only this project's."},
    ),
    Operation("GET", "/jobs/{id}", "One job.", "jobs", read, answer=Job, problems=(404,)),
    Operation(
        "POST",
        "/jobs/{id}/cancellation",
        "Cancel: a queued job at once, a running one within a segment; a final one stays as it is.",
        "jobs",
        cancel,
        answer=Job,
        problems=(404,),
    ),
    Operation(
        "DELETE",
        "/jobs/{id}",
        "Delete a final job and its result.",
        "jobs",
        delete,
        status=204,
        problems=(404, 409),
    ),
    Operation(
        "GET",
        "/jobs/{id}/result",
        "Redirects to a presigned URL that downloads the result.",
        "jobs",
        result,
        status=303,
        problems=(404, 409),
    ),
    Operation(
        "GET",
        "/jobs/{id}/tracking",
        "What a finished tracking job found, the same as its result, without a redirect.",
        "jobs",
        tracking,
        answer=Tracking,
        problems=(404, 409),
    ),
    Operation(
        "GET",
        "/jobs/{id}/events",
        "WebSocket: the job as it is, then each change; closes with 1000 after the final one.",
        "jobs",
        answer=JobEvent,
        status=101,
        query={"after": "A sequence number: only what came since."},
        websocket=True,
    ),
)
