"""A job's life as a Hypothesis state machine: whatever calls come in whatever order, none is illegal."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from pycore.protocol import (
    ExportResult,
    Job,
    JobState,
    ModelName,
    Problem,
    Processor,
    ReelError,
    Route,
    Size,
)
from server.jobs.manager import JobManager
from server.jobs.states import IllegalTransition, Superseded
from server.tests.job_bench import CPU, REQUEST, open_bench
from server.tests.remote_bench import ESTIMATE, PROCESSOR

LEGAL = {
    JobState.QUEUED: {JobState.RUNNING, JobState.CANCELLED, JobState.FAILED},
    JobState.RUNNING: {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED},
}
EXECUTORS = ("one", "other")
RESULT = ExportResult(
    6,
    1.0,
    30,
    30.0,
    "Test CPU",
    ModelName.QUICK,
    Size(48, 32),
    Size(96, 64),
    1_000_000,
    False,
    4.0,
    0.0,
    0.0,
    "",
)


class JobLife(RuleBasedStateMachine):
    """API calls, two workers that may both take the job for their own, and the way back from RunPod."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._open = open_bench(Path(self._folder.name))
        self._bench = self._open.__enter__()
        self._workers = {name: JobManager(self._bench.database, executor=name) for name in EXECUTORS}
        self._seen: dict[str, Job] = {}

    def teardown(self) -> None:
        self._open.__exit__(None, None, None)
        self._folder.cleanup()

    def _try(self, work: Any) -> None:
        """A refusal is fine; what must not be is a change that is illegal: see `legal`."""
        with contextlib.suppress(ReelError, IllegalTransition, Superseded):
            work()

    @rule(target=jobs, key=st.sampled_from([None, "a", "b"]))
    def create(self, key: str | None) -> str:
        job, _ = self._bench.manager.create(
            "project-1", REQUEST, name="reel", estimate=ESTIMATE, reason="", idempotency_key=key
        )
        return job.id

    @rule(job=jobs, worker=st.sampled_from(EXECUTORS), processor=st.sampled_from([CPU, PROCESSOR]))
    def start(self, job: str, worker: str, processor: Processor) -> None:
        self._try(lambda: self._workers[worker].start(job, processor))

    @rule(job=jobs, worker=st.sampled_from(EXECUTORS), share=st.floats(0, 1))
    def progress(self, job: str, worker: str, share: float) -> None:
        self._try(lambda: self._workers[worker].progress(job, share, "on", None, 0.1))

    @rule(job=jobs, worker=st.sampled_from(EXECUTORS))
    def come_home(self, job: str, worker: str) -> None:
        home = ESTIMATE.__class__(Route.LOCAL, CPU, 9.0, 0.0, False, "test")
        self._try(lambda: self._workers[worker].reroute(job, home, "RunPod failed"))

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        self._try(lambda: self._bench.manager.cancel(job))

    @rule(job=jobs, worker=st.sampled_from(EXECUTORS))
    def cancelled(self, job: str, worker: str) -> None:
        self._try(lambda: self._workers[worker].cancelled(job))

    @rule(job=jobs, worker=st.sampled_from(EXECUTORS))
    def succeed(self, job: str, worker: str) -> None:
        self._try(lambda: self._workers[worker].succeed(job, RESULT))

    @rule(job=jobs, worker=st.sampled_from(EXECUTORS))
    def fail(self, job: str, worker: str) -> None:
        self._try(lambda: self._workers[worker].fail(job, Problem("x", "X")))

    @rule(job=jobs)
    def delete(self, job: str) -> None:
        self._try(lambda: self._bench.manager.delete(job))

    @invariant()
    def legal(self) -> None:
        for job in self._bench.manager.newest():
            before = self._seen.get(job.id)
            if before is not None:
                assert job.sequence >= before.sequence
                if job.state is not before.state:
                    assert job.state in LEGAL.get(before.state, set()), (before.state, job.state)
                if before.state.final:
                    assert job == before, "a final job stays as it is"
            if job.id not in self._seen or job != self._seen[job.id]:
                events = self._bench.manager.events(job.id, 0)
                assert events[-1].job == job, "the last event tells of the job as it is"
                assert [each.sequence for each in events] == list(range(1, job.sequence + 1))
            assert (job.state is JobState.SUCCEEDED) == (job.result is not None)
            assert (job.state is JobState.FAILED) == (job.error is not None)
            self._seen[job.id] = job


JobLife.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestJobLife = JobLife.TestCase
