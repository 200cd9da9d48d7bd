"""media: a project's files and their resumable upload."""

from pycore.protocol import MediaInfo, UploadPlan, UploadRequest
from server.api.operations import Call, Operation


def begin(call: Call) -> UploadPlan:
    return call.services.uploads.plan(call.path["id"], call.body)


def read(call: Call) -> UploadPlan:
    return call.services.uploads.present_plan(call.path["id"], call.path["media_id"])


def complete(call: Call) -> MediaInfo:
    return call.services.uploads.complete(call.path["id"], call.path["media_id"])


def delete(call: Call) -> None:
    call.services.uploads.delete(call.path["id"], call.path["media_id"])


OPERATIONS = (
    Operation(
        "POST",
        "/projects/{id}/media",
        "Begin an upload, or take up the one of the same content: which parts go where.",
        "media",
        begin,
        body=UploadRequest,
        answer=UploadPlan,
        problems=(404, 413, 507),
    ),
    Operation(
        "GET",
        "/projects/{id}/media/{media_id}",
        "The upload's plan, with fresh URLs for the parts that are missing.",
        "media",
        read,
        answer=UploadPlan,
        problems=(404,),
    ),
    Operation(
        "POST",
        "/projects/{id}/media/{media_id}/completion",
        "Join the parts and probe the file. One that is neither usable video nor sound is deleted.",
        "media",
        complete,
        answer=MediaInfo,
        problems=(404, 409, 422),
    ),
    Operation(
        "DELETE",
        "/projects/{id}/media/{media_id}",
        "Delete a file, or an upload begun, with its jobs.",
        "media",
        delete,
        status=204,
        problems=(404, 409),
    ),
)
