"""A job as the task that RunPod's worker gets: the request, and presigned URLs for all that it reads and
writes."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pycore.protocol import Job, TrackingRequest, encode
from server.db.attempts import Attempt
from server.db.media import MediaTable
from server.gpu.base import ExportPlan
from server.gpu.runpod import MOST_BODY
from server.gpu.tasks import InputFile, Slot, Task, TaskKind, TrackParams
from server.storage.base import Storage
from server.storage.keys import remote_facts_key, result_keys, seen_key, segment_keys, tracking_key

if TYPE_CHECKING:
    from server.gpu.tracking import TrackingPlan  # loads numpy, which the API does without

LONGEST_URL_SECONDS = 7 * 24 * 3600.0 - 60
_ROOM = 0.95


class TooLong(Exception):
    """The task does not fit into what RunPod takes."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a worker with this attempt of the job may read and write; its URLs work until `expires_at` (Unix
    seconds)."""

    storage: Storage
    media: MediaTable
    job: Job
    attempt: Attempt
    expires_at: int

    def slot(self, key: str) -> Slot:
        """A place for an object that is created once."""
        put = self.storage.url_to_put(key, self.expires_at, once=True)
        return Slot(put, self.storage.url_to_get(key, "file", self.expires_at))

    def source(self, media_id: str) -> InputFile:
        key = self.media.get(self.job.project_id, media_id).key
        return InputFile(media_id, self.storage.url_to_get(key, "media", self.expires_at))

    def put(self, key: str) -> str:
        return self.storage.url_to_put(key, self.expires_at)


def export_task(reach: Reach, plan: ExportPlan) -> dict[str, Any]:
    """The input of an export's RunPod job. Raises TooLong."""
    job_id = reach.job.id
    task = Task(
        task=TaskKind.EXPORT,
        params=encode(plan.request),
        inputs=[reach.source(media_id) for media_id in plan.request.media_ids()],
        output_url=reach.put(result_keys(job_id)[0]),
        facts_url=reach.put(remote_facts_key(job_id)),
        segments=[reach.slot(segment_keys(job_id, segment.index)[0]) for segment in plan.segments],
        claim=reach.slot(reach.attempt.claim_key),
    )
    return _fitting(task)


def track_task(reach: Reach, request: TrackingRequest, plan: "TrackingPlan") -> dict[str, Any]:
    """The input of a tracking job's RunPod job. Raises TooLong."""
    job_id = reach.job.id
    task = Task(
        task=TaskKind.TRACK,
        params=encode(TrackParams(request.in_us, request.out_us)),
        inputs=[reach.source(request.media_id)],
        output_url=reach.put(tracking_key(job_id)),
        facts_url=reach.put(remote_facts_key(job_id)),
        segments=[reach.slot(seen_key(job_id, segment.index)) for segment in plan.segments],
        claim=reach.slot(reach.attempt.claim_key),
    )
    return _fitting(task)


def _fitting(task: Task) -> dict[str, Any]:
    document = encode(task)
    if len(json.dumps(document)) > MOST_BODY * _ROOM:
        raise TooLong(f"a job of {len(task.segments)} segments is too long for RunPod")
    return document


def webhook_path(attempt_id: str) -> str:
    """Where the webhook of an attempt leads, below the API's root."""
    return f"webhooks/runpod/{attempt_id}"
