"""A running segment's progress, as the job's progress, at most four times a second."""

import time
from collections.abc import Sequence
from typing import Protocol

from server.jobs.manager import JobManager

REPORT_SECONDS = 0.25
FINISH_SHARE = 0.02
"""The share of the progress bar that joining gets."""


class _Part(Protocol):
    @property
    def frames(self) -> int: ...


class Planned(Protocol):
    """A plan of segments that are made of frames."""

    @property
    def segments(self) -> Sequence[_Part]: ...

    @property
    def frames(self) -> int: ...


class SegmentReporter:
    """Called with the segment's share done, 0 to 1. `close` accounts for the computing time since the last
    report."""

    def __init__(self, manager: JobManager, job_id: str, plan: Planned, index: int) -> None:
        self._manager = manager
        self._job_id = job_id
        self._plan = plan
        self._frames_before = sum(segment.frames for segment in plan.segments[:index])
        self._frames = plan.segments[index].frames
        self._message = f"Segment {index + 1} of {len(plan.segments)}"
        self._computed = manager.compute_seconds(job_id)
        self._accounted = time.monotonic()
        self._done = 0.0

    def __call__(self, share: float) -> None:
        self._done = share
        if time.monotonic() - self._accounted >= REPORT_SECONDS:
            self._report()

    def close(self) -> None:
        self._report()

    def _report(self) -> None:
        now = time.monotonic()
        elapsed, self._accounted = now - self._accounted, now
        self._computed += elapsed
        frames = self._frames_before + self._done * self._frames
        left = self._computed / frames * (self._plan.frames - frames) if frames else None
        progress = frames / self._plan.frames * (1 - FINISH_SHARE)
        self._manager.progress(self._job_id, progress, self._message, left, elapsed)
