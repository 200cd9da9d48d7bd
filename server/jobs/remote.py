"""The steps of a job at RunPod: send it, follow it, account for what came of it. Each may be killed and
repeated at any moment.

What keeps a job from being run, or paid, twice:

- An attempt is on record before it is sent. Found without RunPod's id (an answer was lost, or this process
  died before it wrote it down) it is looked for: by its claim, by the webhook, by what the endpoint has.
- Of all RunPod jobs of one attempt, one gets the claim and works; the others end at once (`remote_claims`).
- A new attempt begins only when the last one is surely over. Stored segments are not made again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, assert_never

from pycore.protocol import ReelError
from server.db.attempts import Attempt, Attempts, End
from server.db.documents import adapter, dump
from server.gpu.runpod import RemoteJob, RemoteState, RunPodClient
from server.gpu.tasks import Metadata, Output, problem_of
from server.jobs.remote_claims import Claims
from server.jobs.remote_errand import Errand
from server.jobs.remote_ledger import RemoteLedger
from server.jobs.remote_sending import Sending
from server.jobs.remote_waiting import Fallback, Over, Waiting
from server.jobs.reporter import FINISH_SHARE
from server.jobs.steps import JobSteps
from server.storage.keys import result_keys, segments_folder
from server.storage.signing import UrlSigner

_log = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")

ATTEMPTS = 3
GRACE_SECONDS = 300.0
"""How long RunPod may be silent about a job."""
FIRST_POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 5.0


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
        sending = Sending(self._waiting, self.errand, self.client, self.ledger.settings, self.webhooks)
        while True:
            made = self.attempts.of_job(job_id)
            if any(each.end is End.SUCCEEDED for each in made):
                return
            found = made[-1] if made and made[-1].end is None else None
            if found is None and len(made) >= ATTEMPTS:
                raise Fallback(why)
            attempt = found or sending.begin(job_id)
            try:
                self._follow(job_id, sending.sent(job_id, plan, attempt, fresh=found is None))
                return
            except Over as over:
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

    @property
    def _waiting(self) -> Waiting:
        return Waiting(self.jobs, self.attempts, self.claims, self.clock)

    def _metadata(self, job_id: str) -> Metadata | None:
        return self.ledger.metadata(job_id, self.errand.result_key(job_id))

    # Following

    def _follow(self, job_id: str, attempt: Attempt) -> None:
        """Returns when the result is there, and the attempt ended."""
        waiting = self._waiting
        sequence, wait, heard = 0, FIRST_POLL_SECONDS, self.clock()
        while True:
            waiting.raise_if_cancelled(job_id, attempt)
            attempt = self.attempts.get(attempt.id)
            assert attempt.remote_id is not None
            try:
                remote = self.client.status(attempt.remote_id)
                heard = self.clock()
            except ReelError as error:
                if error.problem.code == "runpod.key" or self.clock() - heard > GRACE_SECONDS:
                    return self._lost(job_id, attempt, error.problem.title)
                waiting.pause(job_id, attempt, LONGEST_POLL_SECONDS)
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
            waiting.pause(job_id, attempt, wait)

    def _completed(self, job_id: str, attempt: Attempt, remote: RemoteJob) -> bool:
        """True when the result is there; False where another RunPod job does the work, to be followed now."""
        output = _output(remote.output)
        if output is not None and output.duplicate_of is not None:
            holder = output.duplicate_of or self.claims.holder(attempt)
            if not holder or holder == remote.id:
                self.attempts.end(attempt.id, End.WITHDRAWN, self.ledger.cost(attempt, remote, None))
                raise Over("the attempt had been called off")
            _log.info("attempt %s: RunPod's job %s was one too many", attempt.id, remote.id)
            self.attempts.name(attempt.id, holder)
            return False
        metadata = self._metadata(job_id)
        cost = self.ledger.cost(attempt, remote, metadata)
        self.attempts.end(attempt.id, End.FAULT if metadata is None else End.SUCCEEDED, cost)
        if metadata is None:
            raise Over("RunPod's worker left no result")
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
            raise Over("it took longer than it was given")
        self.attempts.end(attempt.id, End.FAULT, cost)
        raise Over(problem.title if problem else f"RunPod's worker failed: {str(remote.error)[:200]}")

    def _lost(self, job_id: str, attempt: Attempt, why: str) -> None:
        """RunPod tells nothing of the job: what is in the storage decides."""
        metadata = self._metadata(job_id)
        if metadata is not None:
            return self.attempts.end(attempt.id, End.SUCCEEDED, self.ledger.cost(attempt, None, metadata))
        self.claims.call_off(attempt, End.FAULT)
        raise Over(why)

    # Telling

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


def _output(value: Any) -> Output | None:
    """A job's output; None for anything else, such as progress that came late."""
    try:
        return adapter(Output).validate_python(value) if isinstance(value, dict) else None
    except ValueError:
        return None
