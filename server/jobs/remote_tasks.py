"""A job as the task that RunPod's worker gets: the request, and presigned URLs for all that it reads and
writes."""

import json
from typing import Any

from pycore.protocol import encode
from server.db.attempts import Attempt
from server.db.media import MediaTable
from server.gpu.base import ExportPlan
from server.gpu.runpod import MOST_BODY
from server.gpu.tasks import InputFile, Slot, Task, TaskKind
from server.storage.base import Storage
from server.storage.keys import remote_facts_key, result_keys, segment_keys

LONGEST_URL_SECONDS = 7 * 24 * 3600.0 - 60
_ROOM = 0.95


class TooLong(Exception):
    """The task does not fit into what RunPod takes."""


def export_task(
    storage: Storage, media: MediaTable, project_id: str, plan: ExportPlan, attempt: Attempt, expires_at: int
) -> dict[str, Any]:
    """The input of the RunPod job; its URLs work until `expires_at` (Unix seconds). Raises TooLong."""

    def slot(key: str) -> Slot:
        put = storage.url_to_put(key, expires_at, once=True)
        return Slot(put, storage.url_to_get(key, "file", expires_at))

    def source(media_id: str) -> InputFile:
        key = media.get(project_id, media_id).key
        return InputFile(media_id, storage.url_to_get(key, "media", expires_at))

    job_id = attempt.job_id
    task = Task(
        task=TaskKind.EXPORT,
        params=encode(plan.request),
        inputs=[source(media_id) for media_id in plan.request.media_ids()],
        output_url=storage.url_to_put(result_keys(job_id)[0], expires_at),
        facts_url=storage.url_to_put(remote_facts_key(job_id), expires_at),
        segments=[slot(segment_keys(job_id, segment.index)[0]) for segment in plan.segments],
        claim=slot(attempt.claim_key),
    )
    document = encode(task)
    if len(json.dumps(document)) > MOST_BODY * _ROOM:
        raise TooLong(f"an export of {len(plan.segments)} segments is too long for one RunPod job")
    return document


def webhook_path(attempt_id: str) -> str:
    """Where the webhook of an attempt leads, below the API's root."""
    return f"webhooks/runpod/{attempt_id}"
