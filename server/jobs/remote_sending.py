"""Sending a job to RunPod, once: an attempt is on record before it goes out, and one without a clear answer
is looked for before it is sent again."""

import logging
import secrets
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pycore.protocol import ReelError
from server.config.runpod import RunPodSettings
from server.db.attempts import Attempt, End
from server.gpu.runpod import RunPodClient, SubmissionUnclear
from server.jobs.remote_errand import Errand
from server.jobs.remote_tasks import LONGEST_URL_SECONDS, Reach, TooLong, webhook_path
from server.jobs.remote_waiting import Fallback, Over, Waiting
from server.storage.signing import UrlSigner

_log = logging.getLogger(__name__)

P = TypeVar("P")

SUBMISSIONS = 3
LEAST_EXECUTION_SECONDS = 300.0
QUEUE_SECONDS = 3600.0
"""How long a job may wait for a worker at RunPod."""
UNCLEAR_SECONDS = 60.0
"""How long an attempt that may be there or not is looked for before it is sent again."""
GRACE_SECONDS = 300.0
"""How long URLs outlast the job's time to live."""
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sending(Generic[P]):
    """`webhooks` signs the URLs that RunPod calls when a job is over (None: it cannot reach this server)."""

    waiting: Waiting
    errand: Errand[P, Any]
    client: RunPodClient
    settings: RunPodSettings
    webhooks: UrlSigner | None = None

    def begin(self, job_id: str) -> Attempt:
        """A new attempt, on record with its money set aside. Raises Cancelled, or Fallback where a cap is in
        the way."""
        self.waiting.raise_if_cancelled(job_id, None)
        manager, settings = self.waiting.jobs.manager, self.settings
        estimate = manager.get(job_id).estimate
        cost = estimate.cost_usd if estimate else 0.0
        try:
            return self.waiting.attempts.begin(
                secrets.token_hex(16), job_id, manager.owner(job_id), settings.gpu, cost, settings.caps
            )
        except ReelError as error:
            raise Fallback(error.problem.detail.rstrip(".")) from error

    def sent(self, job_id: str, plan: P, attempt: Attempt, *, fresh: bool) -> Attempt:
        """The attempt with RunPod's id: sent now, or found, unless it is `fresh`. Raises Cancelled, Fallback,
        or Over where it surely did not arrive."""
        unclear_since = None if fresh else self.waiting.clock()
        submissions = 0
        while attempt.remote_id is None:
            self.waiting.raise_if_cancelled(job_id, attempt)
            if unclear_since is None:
                submissions += 1
                if submissions > SUBMISSIONS:
                    self.waiting.claims.call_off(attempt, End.FAULT)
                    raise Over("RunPod did not answer")
                unclear_since = self._submit(job_id, plan, attempt)
            elif (holder := self.waiting.claims.holder(attempt)) is not None:
                _log.info("attempt %s: found by its claim: %s", attempt.id, holder)
                self.waiting.attempts.name(attempt.id, holder)
            elif self._endpoint_is_empty() and self.waiting.claims.holder(attempt) is None:
                unclear_since = None
            elif self.waiting.clock() - unclear_since > UNCLEAR_SECONDS:
                unclear_since = None  # should it be there after all, the claim lets one of the two work
            else:
                self.waiting.pause(job_id, attempt, LOOK_SECONDS)
            attempt = self.waiting.attempts.get(attempt.id)
        return attempt

    def _submit(self, job_id: str, plan: P, attempt: Attempt) -> float | None:
        """None when RunPod's id is on record, else since when it is unclear."""
        job = self.waiting.jobs.manager.get(job_id)
        execution_s = max(3 * job.estimate.seconds if job.estimate else 0.0, LEAST_EXECUTION_SECONDS)
        # what took too long before gets twice the time
        execution_s *= 2 ** sum(each.end is End.TIMED_OUT for each in self.waiting.attempts.of_job(job_id))
        ttl_s = min(QUEUE_SECONDS + execution_s, LONGEST_URL_SECONDS - GRACE_SECONDS)
        expires_at = int(self.waiting.clock() + ttl_s + GRACE_SECONDS)
        webhook = (
            self.webhooks.sign("POST", webhook_path(attempt.id), expires_at, {}) if self.webhooks else None
        )
        try:
            task = self.errand.task(
                Reach(self.waiting.jobs.storage, self.waiting.jobs.media, job, attempt, expires_at), plan
            )
            remote = self.client.submit(task, execution_s=execution_s, ttl_s=ttl_s, webhook=webhook)
        except TooLong as error:
            self.waiting.attempts.end(attempt.id, End.WITHDRAWN, 0.0)
            raise Fallback(str(error)) from error
        except SubmissionUnclear as error:
            _log.warning("attempt %s: no clear answer to its submission: %s", attempt.id, error)
            return self.waiting.clock()
        except ReelError as error:
            self.waiting.claims.call_off(attempt, End.FAULT)
            raise Over(error.problem.title) from error
        self.waiting.attempts.name(attempt.id, remote.id)
        _log.info("job %s: attempt %s is RunPod's job %s", job_id, attempt.id, remote.id)
        return None

    def _endpoint_is_empty(self) -> bool:
        """Whether the endpoint has nothing at all: then a submission without an answer did not arrive."""
        try:
            jobs = self.client.health().jobs
        except ReelError:
            return False
        return (jobs.get("inQueue"), jobs.get("inProgress")) == (0, 0)
