"""Exports at RunPod without processes: the steps on a bench, the stand-in plane over real HTTP, and a worker
that does what a real one does to the storage, at the test's command."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pycore.protocol import Estimate, ExportResult, Job, Processor, ProcessorKind, Route, encode
from server.config.runpod import Caps, RunPodSettings
from server.db.attempts import Attempt, Attempts
from server.db.documents import dump
from server.gpu import prices
from server.gpu.base import ExportPlan
from server.gpu.runpod import RunPodClient
from server.gpu.tasks import Metadata, Output, TaskKind
from server.jobs import remote, remote_claims, remote_sending, remote_waiting
from server.jobs.remote import RemoteSteps
from server.jobs.remote_claims import Claims
from server.jobs.remote_errand import ExportErrand
from server.jobs.remote_ledger import RemoteLedger
from server.storage.keys import remote_facts_key, result_keys
from server.tests.job_bench import REQUEST, Bench, open_bench
from server.tests.runpod_plane import ENDPOINT, KEY, Plane, PlaneJob

PROCESSOR = Processor(ProcessorKind.RUNPOD, "RunPod L4", True)
ESTIMATE = Estimate(Route.RUNPOD, PROCESSOR, 60.0, 0.02, True, "test")
RESULT = b"a reel"


class Following(threading.Thread):
    """`run` of the steps in a thread; `end` waits for it and gives what it raised, if anything."""

    def __init__(self, steps: RemoteSteps[Any, Any], job_id: str, plan: Any) -> None:
        super().__init__(daemon=True)
        self._work = lambda: steps.run(job_id, plan)
        self._raised: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001  handed to the test
            self._raised = error

    def end(self) -> BaseException | None:
        self.join(60)
        assert not self.is_alive(), "the steps did not end"
        return self._raised


@dataclass
class RemoteBench:
    """`steps` are those of a worker; `anew()` are those of one that has just started."""

    bench: Bench
    plane: Plane
    attempts: Attempts
    settings: RunPodSettings
    client: RunPodClient

    @property
    def steps(self) -> RemoteSteps[ExportPlan, ExportResult]:
        return self.anew()

    def anew(self) -> RemoteSteps[ExportPlan, ExportResult]:
        exports = replace(self.bench.steps, stopping=threading.Event())
        ledger = RemoteLedger(self.bench.storage, self.settings, prices.load())
        claims = Claims(self.bench.storage, self.attempts, self.client, ledger, exports.stopping)
        return RemoteSteps(exports, ExportErrand(), self.attempts, self.client, ledger, claims)

    def job(self) -> Job:
        job, _ = self.bench.manager.create(
            "project-1", REQUEST, name="reel", estimate=ESTIMATE, reason="as asked"
        )
        self.bench.manager.start(job.id, PROCESSOR)
        return job

    def plan(self) -> ExportPlan:
        return self.bench.processor.plan({}, REQUEST)

    def follow(self, job: Job, steps: RemoteSteps[Any, Any] | None = None) -> Following:
        return Following(steps or self.steps, job.id, self.plan())

    def attempt(self, job: Job) -> Attempt:
        return self.attempts.of_job(job.id)[-1]

    # What a worker does

    def claim(self, job: Job, remote_job: PlaneJob) -> bool:
        """Whether the worker with that RunPod job gets the claim."""
        return self.bench.storage.put_once(self.claim_key(remote_job), [remote_job.id.encode()])

    def claim_key(self, remote_job: PlaneJob) -> str:
        """The claim, as the URL in the task names it."""
        path = remote_job.input["claim"]["put"].partition("?")[0]
        return path.lstrip("/")

    def work(self, job: Job, remote_job: PlaneJob, seconds: float = 10.0) -> None:
        """A whole run: claim, result, answer; or the answer of one job too many."""
        if not self.claim(job, remote_job):
            holder = b"".join(self.bench.storage.get(self.claim_key(remote_job))).decode()
            if holder != remote_job.id:
                self.plane.post(remote_job.id, {"output": encode(Output(duplicate_of=holder))})
                return
        metadata = self.leave_result(job, seconds)
        self.plane.post(remote_job.id, {"output": encode(Output("https://bucket/result.mp4", metadata))})

    def leave_result(self, job: Job, seconds: float = 10.0) -> Metadata:
        metadata = Metadata(
            TaskKind.EXPORT, "NVIDIA L4", len(RESULT), "0" * 64, 30, 1_000_000, False,
            seconds, seconds, seconds, 1000.0, 3, 3, start_seconds=12.0,
        )  # fmt: skip
        self.bench.storage.put(remote_facts_key(job.id), [dump(metadata).encode()])
        self.bench.storage.put(result_keys(job.id)[0], [RESULT])
        return metadata


def no_waiting(patch: pytest.MonkeyPatch) -> None:
    """Polls and patience of milliseconds."""
    for room, name, seconds in (
        (remote, "FIRST_POLL_SECONDS", 0.02),
        (remote, "LONGEST_POLL_SECONDS", 0.05),
        (remote_sending, "LOOK_SECONDS", 0.02),
        (remote_sending, "UNCLEAR_SECONDS", 0.3),
        (remote_waiting, "TICK_SECONDS", 0.01),
    ):
        patch.setattr(room, name, seconds)
    patch.setattr(remote_claims, "_LOOK_SECONDS", 0.01)


@contextmanager
def open_remote_bench(folder: Path, plane: Plane, caps: Caps | None = None) -> Iterator[RemoteBench]:
    settings = RunPodSettings(KEY, ENDPOINT, gpu="l4", caps=caps or Caps())
    with (
        open_bench(folder) as bench,
        RunPodClient(KEY, ENDPOINT, f"{plane.url}/v2", sleep=lambda seconds: None) as client,
    ):
        yield RemoteBench(bench, plane, Attempts(bench.database), settings, client)
