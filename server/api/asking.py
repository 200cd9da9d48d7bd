"""What asking for a job has in common, whatever the job."""

from pycore.protocol import ReelError
from server.api.operations import Call
from server.api.services import Services
from server.db.media import MediaRecord

IDEMPOTENCY_HEADER = {"Idempotency-Key": "Any text of your choice: the same one never makes a second job."}


def complete_media(services: Services, project_id: str, media_id: str) -> MediaRecord:
    """A media file that is there as a whole. ReelError `media.not-found` or `media.incomplete`."""
    media = services.media.get(project_id, media_id)
    if media.info is None:
        raise ReelError.of(
            "media.incomplete",
            "The media file is not there yet",
            f"The upload of {media.name} is not complete.",
            "Send the missing parts and complete the upload.",
            409,
        )
    return media


def idempotency_key(call: Call) -> str | None:
    """The request's Idempotency-Key, if it has one. ReelError `request.invalid` for one that cannot be."""
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
