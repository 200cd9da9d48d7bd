"""The steps of a job at RunPod: send it, follow it, account for what came of it. Each may be killed and
repeated at any moment.

What keeps a job from being run, or paid, twice:

- An attempt is on record before it is sent. Found without RunPod's id (an answer was lost, or this process
  died before it wrote it down) it is looked for: by its claim, by the webhook, by what the endpoint has.
- Of all RunPod jobs of one attempt, one gets the claim and works; the others end at once (`remote_claims`).
- A new attempt begins only when the last one is surely over. Stored segments are not made again.
"""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, assert_never

from pycore.protocol import ReelError
from server.db.attempts import Attempt, Attempts, End
from server.db.documents import adapter, dump
from server.gpu.runpod import RemoteJob, RemoteState, RunPodClient, SubmissionUnclear
from server.gpu.tasks import Metadata, Output, problem_of
from server.jobs.remote_claims import Claims
from server.jobs.remote_errand import Errand
from server.jobs.remote_ledger import RemoteLedger
from server.jobs.remote_tasks import LONGEST_URL_SECONDS, Reach, TooLong, webhook_path
from server.jobs.reporter import FINISH_SHARE
from server.jobs.steps import Cancelled, JobSteps, WorkerStopping
from server.storage.keys import result_keys, segments_folder
from server.storage.signing import UrlSigner

_log = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")

ATTEMPTS = 3
SUBMISSIONS = 3
LEAST_EXECUTION_SECONDS = 300.0
QUEUE_SECONDS = 3600.0
"""How long a job may wait for a worker at RunPod."""
UNCLEAR_SECONDS = 60.0
"""How long an attempt that may be there or not is looked for before it is sent again."""
GRACE_SECONDS = 300.0
"""How long RunPod may be silent about a job."""
TICK_SECONDS = 0.25
FIRST_POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 5.0


class Fallback(Exception):
    """RunPod is not the way for this job; the message says why. Nothing of it runs there any more."""


class _Over(Exception):
    """An attempt is over without a result; the message says why. The next may be begun."""


@dataclass(frozen=True, slots=True)
class RemoteSteps(Generic[P, R]):
    """The steps, and what they need. `jobs` has what they share with jobs on this machine, `errand` what is
    its own to the kind of job; `webhooks` signs the URLs that RunPod calls when a job is over (None: it
    cannot reach this server)."""

    jobs: JobSteps
    errand: Errand[P, R]
    attempts: Attempts
    client: RunPodClient
    ledger: RemoteLedger
    claims: Claims
    webhooks: UrlSigner | None = None
    clock: Callable[[], float] = time.time

    def run(self, job_id: str, plan: P) -> None:
        """Sends the job to RunPod, or takes up following it, until its result lies in the storage. Raises
        Cancelled, Fallback, or the ReelError that RunPod's worker gave."""
        why = "RunPod failed it several times"
        while True:
            made = self.attempts.of_job(job_id)
            if any(each.end is End.SUCCEEDED for each in made):
                return
            found = made[-1] if made and made[-1].end is None else None
            if found is None and len(made) >= ATTEMPTS:
                raise Fallback(why)
            attempt = found or self._begin(job_id)
            try:
                self._follow(job_id, self._sent(job_id, plan, attempt, fresh=found is None))
                return
            except _Over as over:
                why = str(over)
                _log.warning("job %s: attempt %s is over: %s", job_id, attempt.id, why)

    def finish(self, job_id: str, plan: P) -> None:
        """Accounts for the result and ends the job."""
        storage, manager = self.jobs.storage, self.jobs.manager
        facts = result_keys(job_id)[1]
        metadata = self._metadata(job_id)
        if metadata is None:
            raise ReelError.of("runpod.no-result", "RunPod's worker left no result", status=502)
        if storage.stat(facts) is None:
            estimate, spent = manager.get(job_id).estimate, self.attempts.spent(job_id)
            result = self.errand.result(plan, metadata, estimate, spent)
            storage.put(facts, [dump(result).encode()])
            if metadata.segment_seconds > 0 and metadata.work_pixels > 0:
                speed = metadata.work_pixels / metadata.segment_seconds
                self.jobs.fleet.record_throughput(metadata.device, self.errand.net(plan), speed)
        result = self.errand.load(b"".join(storage.get(facts)).decode())
        storage.delete_folder(segments_folder(job_id))
        self.errand.succeed(manager, job_id, result)
        _log.info("job %s: succeeded at RunPod for $%.4f", job_id, self.attempts.spent(job_id))

    def _metadata(self, job_id: str) -> Metadata | None:
        return self.ledger.metadata(job_id, self.errand.result_key(job_id))

    # Sending

    def _begin(self, job_id: str) -> Attempt:
        self._raise_if_cancelled(job_id, None)
        manager, settings = self.jobs.manager, self.ledger.settings
        estimate = manager.get(job_id).estimate
        cost = estimate.cost_usd if estimate else 0.0
        try:
            return self.attempts.begin(
                secrets.token_hex(16), job_id, manager.owner(job_id), settings.gpu, cost, settings.caps
            )
        except ReelError as error:
            raise Fallback(error.problem.detail.rstrip(".")) from error

    def _sent(self, job_id: str, plan: P, attempt: Attempt, *, fresh: bool) -> Attempt:
        """The attempt with RunPod's id."""
        unclear_since = None if fresh else self.clock()
        submissions = 0
        while attempt.remote_id is None:
            self._raise_if_cancelled(job_id, attempt)
            if unclear_since is None:
                submissions += 1
                if submissions > SUBMISSIONS:
                    self.claims.call_off(attempt, End.FAULT)
                    raise _Over("RunPod did not answer")
                unclear_since = self._submit(job_id, plan, attempt)
            elif (holder := self.claims.holder(attempt)) is not None:
                _log.info("attempt %s: found by its claim: %s", attempt.id, holder)
                self.attempts.name(attempt.id, holder)
            elif self._endpoint_is_empty() and self.claims.holder(attempt) is None:
                unclear_since = None
            elif self.clock() - unclear_since > UNCLEAR_SECONDS:
                unclear_since = None  # should it be there after all, the claim lets one of the two work
            else:
                self._pause(job_id, attempt, FIRST_POLL_SECONDS)
            attempt = self.attempts.get(attempt.id)
        return attempt

    def _submit(self, job_id: str, plan: P, attempt: Attempt) -> float | None:
        """None when RunPod's id is on record, else since when it is unclear."""
        job = self.jobs.manager.get(job_id)
        execution_s = max(3 * job.estimate.seconds if job.estimate else 0.0, LEAST_EXECUTION_SECONDS)
        # what took too long before gets twice the time
        execution_s *= 2 ** sum(each.end is End.TIMED_OUT for each in self.attempts.of_job(job_id))
        ttl_s = min(QUEUE_SECONDS + execution_s, LONGEST_URL_SECONDS - GRACE_SECONDS)
        expires_at = int(self.clock() + ttl_s + GRACE_SECONDS)
        webhook = (
            self.webhooks.sign("POST", webhook_path(attempt.id), expires_at, {}) if self.webhooks else None
        )
        try:
            task = self.errand.task(Reach(self.jobs.storage, self.jobs.media, job, attempt, expires_at), plan)
            remote = self.client.submit(task, execution_s=execution_s, ttl_s=ttl_s, webhook=webhook)
        except TooLong as error:
            self.attempts.end(attempt.id, End.WITHDRAWN, 0.0)
            raise Fallback(str(error)) from error
        except SubmissionUnclear as error:
            _log.warning("attempt %s: no clear answer to its submission: %s", attempt.id, error)
            return self.clock()
        except ReelError as error:
            self.claims.call_off(attempt, End.FAULT)
            raise _Over(error.problem.title) from error
        self.attempts.name(attempt.id, remote.id)
        _log.info("job %s: attempt %s is RunPod's job %s", job_id, attempt.id, remote.id)
        return None

    def _endpoint_is_empty(self) -> bool:
        """Whether the endpoint has nothing at all: then a submission without an answer did not arrive."""
        try:
            jobs = self.client.health().jobs
        except ReelError:
            return False
        return (jobs.get("inQueue"), jobs.get("inProgress")) == (0, 0)

    # Following

    def _follow(self, job_id: str, attempt: Attempt) -> None:
        """Returns when the result is there, and the attempt ended."""
        sequence, wait, heard = 0, FIRST_POLL_SECONDS, self.clock()
        while True:
            self._raise_if_cancelled(job_id, attempt)
            attempt = self.attempts.get(attempt.id)
            assert attempt.remote_id is not None
            try:
                remote = self.client.status(attempt.remote_id)
                heard = self.clock()
            except ReelError as error:
                if error.problem.code == "runpod.key" or self.clock() - heard > GRACE_SECONDS:
                    return self._lost(job_id, attempt, error.problem.title)
                self._pause(job_id, attempt, LONGEST_POLL_SECONDS)
                continue
            if remote is None:
                return self._lost(job_id, attempt, "RunPod knows nothing of the job any more")
            match remote.state:
                case RemoteState.IN_QUEUE:
                    self._tell(job_id, 0.0, "Waiting for a GPU at RunPod")
                    wait = min(wait * 1.25, LONGEST_POLL_SECONDS)
                case RemoteState.IN_PROGRESS:
                    sequence = self._progress(job_id, remote.output, sequence)
                    wait = FIRST_POLL_SECONDS
                case RemoteState.COMPLETED:
                    if self._completed(job_id, attempt, remote):
                        return None
                    continue
                case RemoteState.FAILED | RemoteState.TIMED_OUT | RemoteState.CANCELLED:
                    return self._ended(job_id, attempt, remote)
                case other:
                    assert_never(other)
            self._pause(job_id, attempt, wait)

    def _completed(self, job_id: str, attempt: Attempt, remote: RemoteJob) -> bool:
        """True when the result is there; False where another RunPod job does the work, to be followed now."""
        output = _output(remote.output)
        if output is not None and output.duplicate_of is not None:
            holder = output.duplicate_of or self.claims.holder(attempt)
            if not holder or holder == remote.id:
                self.attempts.end(attempt.id, End.WITHDRAWN, self.ledger.cost(attempt, remote, None))
                raise _Over("the attempt had been called off")
            _log.info("attempt %s: RunPod's job %s was one too many", attempt.id, remote.id)
            self.attempts.name(attempt.id, holder)
            return False
        metadata = self._metadata(job_id)
        cost = self.ledger.cost(attempt, remote, metadata)
        self.attempts.end(attempt.id, End.FAULT if metadata is None else End.SUCCEEDED, cost)
        if metadata is None:
            raise _Over("RunPod's worker left no result")
        return True

    def _ended(self, job_id: str, attempt: Attempt, remote: RemoteJob) -> None:
        """The RunPod job is over without having said that it is done."""
        metadata = self._metadata(job_id)
        cost = self.ledger.cost(attempt, remote, metadata)
        if metadata is not None:
            return self.attempts.end(attempt.id, End.SUCCEEDED, cost)
        self.claims.take(attempt)
        problem = problem_of(remote.error)
        if remote.state is RemoteState.FAILED and problem is not None and problem.status < 499:
            self.attempts.end(attempt.id, End.FAILED, cost)
            raise ReelError(problem)
        if remote.state is RemoteState.CANCELLED:
            self.attempts.end(attempt.id, End.FAILED, cost)
            raise ReelError.of(
                "runpod.cancelled",
                "The job was cancelled at RunPod",
                "Somebody else than this server did that.",
                "Export again.",
                502,
            )
        if remote.state is RemoteState.TIMED_OUT:
            self.attempts.end(attempt.id, End.TIMED_OUT, cost)
            raise _Over("it took longer than it was given")
        self.attempts.end(attempt.id, End.FAULT, cost)
        raise _Over(problem.title if problem else f"RunPod's worker failed: {str(remote.error)[:200]}")

    def _lost(self, job_id: str, attempt: Attempt, why: str) -> None:
        """RunPod tells nothing of the job: what is in the storage decides."""
        metadata = self._metadata(job_id)
        if metadata is not None:
            return self.attempts.end(attempt.id, End.SUCCEEDED, self.ledger.cost(attempt, None, metadata))
        self.claims.call_off(attempt, End.FAULT)
        raise _Over(why)

    # Telling and waiting

    def _progress(self, job_id: str, output: Any, sequence: int) -> int:
        """Shows progress that is newer than `sequence`; the newest sequence."""
        told = output if isinstance(output, dict) else {}
        number, share, message = told.get("sequence"), told.get("progress"), told.get("message")
        if not isinstance(number, int) or number <= sequence or not isinstance(share, (int, float)):
            return sequence
        self._tell(job_id, min(max(float(share), 0.0), 1.0), str(message or "")[:200])
        return number

    def _tell(self, job_id: str, share: float, message: str) -> None:
        job = self.jobs.manager.get(job_id)
        progress = max(share * (1 - FINISH_SHARE), job.progress)
        if (message, progress) != (job.message, job.progress):
            left = job.estimate.seconds * (1 - share) if job.estimate else None
            self.jobs.manager.progress(job_id, progress, message, left, 0.0)

    def _raise_if_cancelled(self, job_id: str, attempt: Attempt | None) -> None:
        if self.jobs.stopping.is_set():
            raise WorkerStopping
        if self.jobs.manager.cancel_requested(job_id):
            if attempt is not None:
                self.claims.call_off(attempt)
            raise Cancelled

    def _pause(self, job_id: str, attempt: Attempt, seconds: float) -> None:
        """Waits, but not on when a webhook comes, the job is cancelled or this process is to end."""
        until = self.clock() + seconds
        while self.clock() < until and not self.jobs.stopping.wait(min(TICK_SECONDS, seconds)):
            if self.jobs.manager.cancel_requested(job_id):
                return
            if self.attempts.get(attempt.id).nudges > attempt.nudges:
                return


def _output(value: Any) -> Output | None:
    """A job's output; None for anything else, such as progress that came late."""
    try:
        return adapter(Output).validate_python(value) if isinstance(value, dict) else None
    except ValueError:
        return None
