"""Where things lie in the storage."""

import re


def project_folder(project_id: str) -> str:
    """All media of a project."""
    return f"projects/{project_id}"


def media_folder(project_id: str, media_id: str) -> str:
    """One media file, alone."""
    return f"{project_folder(project_id)}/media/{media_id}"


def media_key(project_id: str, media_id: str, name: str) -> str:
    """The media file itself, under what a key allows of its name: errors about the file quote it."""
    plain = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")
    return f"{media_folder(project_id, media_id)}/{plain[-80:].lstrip('-.') or 'video'}"


def job_folder(job_id: str) -> str:
    """All that a job makes."""
    return f"jobs/{job_id}"


def segments_folder(job_id: str) -> str:
    """The finished segments, until they are joined."""
    return f"{job_folder(job_id)}/segments"


def segment_keys(job_id: str, index: int) -> tuple[str, str]:
    """A finished segment: (video, facts)."""
    stem = f"{segments_folder(job_id)}/{index:05d}"
    return f"{stem}.mp4", f"{stem}.json"


def remote_facts_key(job_id: str) -> str:
    """What a worker on RunPod tells of a job's result."""
    return f"{job_folder(job_id)}/remote.json"


def result_keys(job_id: str) -> tuple[str, str]:
    """A job's result: (video, facts)."""
    return f"{job_folder(job_id)}/result.mp4", f"{job_folder(job_id)}/result.json"


def seen_key(job_id: str, index: int) -> str:
    """What a tracking job saw in a segment."""
    return f"{segments_folder(job_id)}/{index:05d}.npz"


def tracking_key(job_id: str) -> str:
    """A tracking job's result, a Tracking document."""
    return f"{job_folder(job_id)}/tracking.json"
