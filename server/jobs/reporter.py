"""The progress of segments as the job's progress, at most four times a second."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
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


class SegmentsReporter:
    """Adds up segments that are made one after another or at once; the segments `done` are there already.
    Computing time is accounted for by the clock, however many are computed at once."""

    def __init__(self, manager: JobManager, job_id: str, plan: Planned, done: Collection[int] = ()) -> None:
        self._manager = manager
        self._job_id = job_id
        self._plan = plan
        self._shares = dict.fromkeys(done, 1.0)
        self._ended = set(done)
        self._computed = manager.compute_seconds(job_id)
        self._accounted = time.monotonic()
        self._lock = threading.Lock()

    @contextmanager
    def part(self, index: int) -> Iterator[Callable[[float], None]]:
        """Gives what takes the segment's share done, 0 to 1. Leaving it reports once more."""

        def progress(share: float) -> None:
            with self._lock:
                self._shares[index] = share
                if time.monotonic() - self._accounted >= REPORT_SECONDS:
                    self._report()

        try:
            yield progress
        finally:
            with self._lock:
                self._report()
                if self._shares.get(index) == 1.0:
                    self._ended.add(index)

    def _report(self) -> None:
        now = time.monotonic()
        elapsed, self._accounted = now - self._accounted, now
        self._computed += elapsed
        segments = self._plan.segments
        frames = sum(share * segments[index].frames for index, share in self._shares.items())
        left = self._computed / frames * (self._plan.frames - frames) if frames else None
        progress = frames / self._plan.frames * (1 - FINISH_SHARE)
        message = f"Segment {min(len(self._ended) + 1, len(segments))} of {len(segments)}"
        self._manager.progress(self._job_id, progress, message, left, elapsed)
