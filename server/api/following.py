"""Exports that name a player: the clips' paths, planned from what a tracking job found."""

from dataclasses import replace

from pycore.protocol import (
    ExportClip,
    ExportRequest,
    FollowTrack,
    Job,
    JobKind,
    JobState,
    ReelError,
    Tracking,
)
from server.api.services import Services
from server.db.documents import load
from server.db.owners import job_not_found
from server.gpu.following import followed, refused
from server.storage.keys import tracking_key


def planned(services: Services, project_id: str, request: ExportRequest) -> ExportRequest:
    """The request with the paths of clips that follow a player. Raises ReelError `export.follow`,
    `job.not-found`, `job.no-result`."""
    documents: dict[str, Tracking] = {}
    shape = request.size.width / max(request.size.height, 1)
    clips: list[ExportClip] = []
    for clip in request.clips:
        if clip.follow is not None:
            follow = clip.follow
            if follow.job_id not in documents:
                documents[follow.job_id] = found(services, _job(services, project_id, follow))
            _check_medium(services, clip, follow)
            clip = followed(clip, follow, documents[follow.job_id], shape)
        clips.append(clip)
    return replace(request, clips=clips)


def _job(services: Services, project_id: str, follow: FollowTrack) -> Job:
    job = services.jobs.get(follow.job_id)
    if job.project_id != project_id:
        raise job_not_found(follow.job_id)
    if job.kind is not JobKind.TRACKING:
        raise refused(f"{follow.job_id!r} is no tracking job.", "Name one of the project's tracking jobs.")
    return job


def _check_medium(services: Services, clip: ExportClip, follow: FollowTrack) -> None:
    seen = services.jobs.tracking_request(follow.job_id).media_id
    if clip.media_id != seen:
        raise refused(
            f"The tracking job {follow.job_id!r} is about another video than {clip.media_id!r}.",
            "Look for players in this one.",
        )


def found(services: Services, job: Job) -> Tracking:
    """What a tracking job found. ReelError `job.no-result`."""
    if job.kind is not JobKind.TRACKING or job.state is not JobState.SUCCEEDED:
        raise ReelError.of(
            "job.no-result",
            "There are no players of this job",
            f"The {job.kind.value} job is {job.state.value}.",
            "Look for the players again." if job.state.final else "Wait for it to succeed.",
            409,
        )
    return load(Tracking, b"".join(services.storage.get(tracking_key(job.id))).decode())
