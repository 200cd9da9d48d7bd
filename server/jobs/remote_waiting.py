"""Waiting for RunPod, but not on when the job is cancelled or this process is to end; and the two ways in
which waiting comes to nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from server.db.attempts import Attempt, Attempts
from server.jobs.remote_claims import Claims
from server.jobs.steps import Cancelled, JobSteps, WorkerStopping

TICK_SECONDS = 0.25


class Fallback(Exception):
    """RunPod is not the way for this job; the message says why. Nothing of it runs there any more."""


class Over(Exception):
    """An attempt is over without a result; the message says why. The next may be begun."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """`jobs` has what jobs share; `clock` gives Unix seconds."""

    jobs: JobSteps
    attempts: Attempts
    claims: Claims
    clock: Callable[[], float] = time.time

    def raise_if_cancelled(self, job_id: str, attempt: Attempt | None) -> None:
        """Raises Cancelled, with the attempt called off, or WorkerStopping."""
        if self.jobs.stopping.is_set():
            raise WorkerStopping
        if self.jobs.manager.cancel_requested(job_id):
            if attempt is not None:
                self.claims.call_off(attempt)
            raise Cancelled

    def pause(self, job_id: str, attempt: Attempt, seconds: float) -> None:
        """Waits, but not on when a webhook comes, the job is cancelled or this process is to end."""
        until = self.clock() + seconds
        while self.clock() < until and not self.jobs.stopping.wait(min(TICK_SECONDS, seconds)):
            if self.jobs.manager.cancel_requested(job_id):
                return
            if self.attempts.get(attempt.id).nudges > attempt.nudges:
                return
