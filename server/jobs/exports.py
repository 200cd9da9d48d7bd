"""The steps of an export: plan, segments, finish. Each may be killed and repeated at any moment.

What is made is stored in two writes, its facts first and its file second, each whole or not there. So where
the file is, it is done, and its facts are known without doing it again.
"""

import logging
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

from pycore.protocol import ExportResult
from server.db.documents import dump, load
from server.gpu.base import ExportPlan, FinishedFile, SegmentStats, Stopped, with_notes
from server.gpu.segments import run_segments
from server.jobs.outcomes import attempt, value
from server.jobs.reporter import SegmentsReporter
from server.jobs.steps import JobSteps, WorkerStopping
from server.storage.keys import result_keys, segment_keys, segments_folder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExportSteps(JobSteps):
    """The steps of an export."""

    def plan(self, job_id: str) -> ExportPlan:
        """Checks the request against the source and cuts it into segments."""
        self._raise_if_cancelled(job_id)
        request = self.manager.request(job_id)
        with self._sources(job_id, request) as sources:
            plan = self.processor.plan(sources, request)
        _log.info("job %s: planned %d segments, %d frames", job_id, len(plan.segments), plan.frames)
        return plan

    def segments(self, job_id: str, plan: ExportPlan) -> list[SegmentStats]:
        """Makes and stores those that are not there, as many at once as the processor can use. One that
        fails is tried again by itself; where it stays broken the others stop. Raises Cancelled within them,
        once the job is told to stop."""
        numbers = range(len(plan.segments))
        there = {index for index in numbers if self._stored(job_id, index)}
        reporter = SegmentsReporter(self.manager, job_id, plan, there)

        def one(index: int, stop: threading.Event) -> SegmentStats:
            def work() -> str:
                return dump(self._segment(job_id, plan, index, reporter, stop))

            return load(SegmentStats, value(attempt(f"job {job_id}: segment {index}", self.stopping, work)))

        with self._stop_event(job_id) as stop:
            return run_segments(self.processor.parallel(), numbers, one, stop)

    def _segment(
        self, job_id: str, plan: ExportPlan, index: int, reporter: SegmentsReporter, stop: threading.Event
    ) -> SegmentStats:
        self._raise_if_cancelled(job_id)
        file, facts = segment_keys(job_id, index)
        if self._stored(job_id, index):
            _log.info("job %s: segment %d is there", job_id, index)
            if self.storage.stat(facts) is None:  # a worker on RunPod made it
                return SegmentStats(plan.segments[index].frames, 0.0)
            return load(SegmentStats, self._text(facts))
        if stop.is_set():
            self._raise_stopped(job_id)
        _log.info("job %s: segment %d starts", job_id, index)
        with self._scratch() as scratch, self._sources(job_id, plan.request) as sources:
            target = scratch / "segment.mp4"
            try:
                with reporter.part(index) as progress:
                    stats = self.processor.run_segment(sources, plan, index, target, progress, stop)
            except Stopped:
                self._raise_stopped(job_id)
            self._raise_if_cancelled(job_id)  # or taken over by another worker meanwhile
            self.storage.put(facts, [dump(stats).encode()])
            self.storage.put_file(file, target)
        _log.info("job %s: segment %d done", job_id, index)
        return stats

    def _stored(self, job_id: str, index: int) -> bool:
        return self.storage.stat(segment_keys(job_id, index)[0]) is not None

    def _raise_stopped(self, job_id: str) -> NoReturn:
        """Cancelled, or WorkerStopping; Stopped where another segment was what failed."""
        self._raise_if_cancelled(job_id)
        raise (WorkerStopping if self.stopping.is_set() else Stopped)

    def finish(self, job_id: str, plan: ExportPlan, segments: list[SegmentStats]) -> None:
        """Joins the segments, stores the result and ends the job."""
        file, facts = result_keys(job_id)
        if self.storage.stat(file) is None:
            self._raise_if_cancelled(job_id)
            _log.info("job %s: joining", job_id)
            with (
                self._scratch() as scratch,
                self._sources(job_id, plan.request) as sources,
                ExitStack() as stack,
            ):
                keys = [segment_keys(job_id, segment.index)[0] for segment in plan.segments]
                parts = [stack.enter_context(self.storage.as_file(key)) for key in keys]
                started = time.monotonic()
                finished = self.processor.finish(sources, plan, parts, scratch / "result.mp4")
                finished = with_notes(finished, segments)
                self.manager.progress(job_id, 1.0, "Storing the result", None, time.monotonic() - started)
                self.storage.put(facts, [dump(self._result(job_id, plan, finished)).encode()])
                self.storage.put_file(file, scratch / "result.mp4")
            self._record_speed(job_id, plan, segments)
        result = load(ExportResult, self._text(facts))
        self.storage.delete_folder(segments_folder(job_id))
        self.manager.succeed(job_id, result)
        _log.info("job %s: succeeded, %d bytes", job_id, result.bytes)

    def _result(self, job_id: str, plan: ExportPlan, finished: FinishedFile) -> ExportResult:
        seconds = self.manager.compute_seconds(job_id)
        estimate = self.manager.get(job_id).estimate
        return ExportResult(
            bytes=finished.bytes,
            seconds=seconds,
            frames=finished.frames,
            fps=finished.frames / max(seconds, 1e-6),
            device=self.processor.info().name,
            model=plan.request.model,
            in_size=plan.clips[0].in_size,
            out_size=plan.out_size,
            duration_us=finished.duration_us,
            has_audio=finished.has_audio,
            estimated_seconds=estimate.seconds if estimate else 0.0,
            estimated_cost_usd=estimate.cost_usd if estimate else 0.0,
            actual_cost_usd=self.spent(job_id),  # this machine's own work is free
            sha256=finished.sha256,
            notes=[*plan.notes, *(note for note in finished.notes if note not in plan.notes)],
        )

    def _record_speed(self, job_id: str, plan: ExportPlan, segments: list[SegmentStats]) -> None:
        # of segments that were made elsewhere the time is not known; several are made at once, so their own
        # times do not add up
        frames = sum(each.frames for each in segments if each.seconds > 0)
        seconds = self.manager.compute_seconds(job_id)
        if frames > 0 and seconds > 0:
            model, speed = plan.request.model, plan.work_pixels * frames / plan.frames / seconds
            self.fleet.record_throughput(self.processor.info().name, model, speed)
