"""Progress of a job to RunPod: at most once a second, numbered, as updates may overtake each other there."""

import time
from collections.abc import Callable
from typing import Any

import runpod.serverless

from server.gpu.tasks import Progress

REPORT_SECONDS = 1.0


class Reporter:
    """Called with progress, 0 to 1, and what is being done. `send` is the SDK's `progress_update`, which
    starts a thread for each update."""

    def __init__(
        self,
        job: dict[str, Any],
        send: Callable[[dict[str, Any], Any], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job = job
        self._send = send or runpod.serverless.progress_update
        self._clock = clock
        self._sent_at: float | None = None
        self._sequence = 0
        self._closed = False

    def __call__(self, progress: float, message: str) -> None:
        now = self._clock()
        if self._closed or (self._sent_at is not None and now - self._sent_at < REPORT_SECONDS):
            return
        self._sent_at = now
        self._sequence += 1
        update = Progress(self._sequence, round(progress, 4), message)
        self._send(self._job, {"sequence": update.sequence, "progress": update.progress, "message": message})

    def close(self) -> None:
        """Nothing is sent any more."""
        self._closed = True
