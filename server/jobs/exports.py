"""The steps of an export: plan, one step per segment, finish. Each may be killed and repeated at any
moment.

A step's product is stored in two writes, its facts first and its file second, each whole or not there. So
where the file is, the step is done, and its facts are known without doing it again.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pycore.protocol import ExportRequest, ExportResult, Problem
from server.db.documents import dump, load
from server.db.fleet import Fleet
from server.db.media import MediaTable
from server.gpu.base import ExportPlan, FinishedFile, GpuProcessor, SegmentStats, Sources, Stopped
from server.jobs.manager import JobManager
from server.jobs.reporter import SegmentReporter
from server.jobs.states import Superseded
from server.storage.base import Storage
from server.storage.keys import job_folder, result_keys, segment_keys, segments_folder

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.2


class Cancelled(Exception):
    """The job was told to stop, and has."""


class WorkerStopping(BaseException):
    """This process ends. No Exception, so that no durable step takes it for an outcome: the next process
    repeats the step."""


@dataclass(frozen=True, slots=True)
class ExportSteps:
    """The steps, and what they need. `stopping` is set when this process is to end; `tmp` is scratch space;
    `working` is held while a file is being made."""

    manager: JobManager
    media: MediaTable
    fleet: Fleet
    storage: Storage
    processor: GpuProcessor
    tmp: Path
    stopping: threading.Event
    working: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, job_id: str) -> bool:
        """Marks the job as running; False where there is nothing to do any more."""
        return self.manager.start(job_id, self.processor.info())

    def plan(self, job_id: str) -> ExportPlan:
        """Checks the request against the source and cuts it into segments."""
        self._raise_if_cancelled(job_id)
        request = self.manager.request(job_id)
        with self._sources(job_id, request) as sources:
            plan = self.processor.plan(sources, request)
        _log.info("job %s: planned %d segments, %d frames", job_id, len(plan.segments), plan.frames)
        return plan

    def segment(self, job_id: str, plan: ExportPlan, index: int) -> SegmentStats:
        """Makes and stores one segment. Raises Cancelled within it, once the job is told to stop."""
        self._raise_if_cancelled(job_id)
        file, facts = segment_keys(job_id, index)
        if self.storage.stat(file) is not None:
            _log.info("job %s: segment %d is there", job_id, index)
            return load(SegmentStats, self._text(facts))
        _log.info("job %s: segment %d starts", job_id, index)
        with (
            self._scratch() as scratch,
            self._sources(job_id, plan.request) as sources,
            self._stop_event(job_id) as stop,
        ):
            target = scratch / "segment.mp4"
            reporter = SegmentReporter(self.manager, job_id, plan, index)
            try:
                stats = self.processor.run_segment(sources, plan, index, target, reporter, stop)
            except Stopped:
                self._raise_if_cancelled(job_id)
                raise WorkerStopping from None
            finally:
                reporter.close()
            self._raise_if_cancelled(job_id)  # or taken over by another worker meanwhile
            self.storage.put(facts, [dump(stats).encode()])
            self.storage.put_file(file, target)
        _log.info("job %s: segment %d done", job_id, index)
        return stats

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
                self.manager.progress(job_id, 1.0, "Storing the result", None, time.monotonic() - started)
                self.storage.put(facts, [dump(self._result(job_id, plan, finished)).encode()])
                self.storage.put_file(file, scratch / "result.mp4")
            self._record_speed(plan, segments)
        result = load(ExportResult, self._text(facts))
        self.storage.delete_folder(segments_folder(job_id))
        self.manager.succeed(job_id, result)
        _log.info("job %s: succeeded, %d bytes", job_id, result.bytes)

    def cancelled(self, job_id: str) -> None:
        """Removes what there was and ends the job."""
        self.manager.check_own(job_id)
        self.storage.delete_folder(job_folder(job_id))
        self.manager.cancelled(job_id)
        _log.info("job %s: cancelled", job_id)

    def failed(self, job_id: str, problem: Problem) -> None:
        """Removes what there was and ends the job."""
        self.manager.check_own(job_id)
        self.storage.delete_folder(job_folder(job_id))
        self.manager.fail(job_id, problem)
        _log.warning("job %s: failed: %s", job_id, problem)

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
            actual_cost_usd=0.0,  # this machine's own work is free
            sha256=finished.sha256,
            notes=[*plan.notes, *(note for note in finished.notes if note not in plan.notes)],
        )

    def _record_speed(self, plan: ExportPlan, segments: list[SegmentStats]) -> None:
        seconds = sum(segment.seconds for segment in segments)
        if seconds > 0:
            model, speed = plan.request.model, plan.work_pixels / seconds
            self.fleet.record_throughput(self.processor.info().name, model, speed)

    def _raise_if_cancelled(self, job_id: str) -> None:
        if self.manager.cancel_requested(job_id):
            raise Cancelled

    def _to_be_left(self, job_id: str) -> bool:
        try:
            return self.manager.cancel_requested(job_id)
        except Superseded:
            return True

    def _text(self, key: str) -> str:
        return b"".join(self.storage.get(key)).decode()

    @contextlib.contextmanager
    def _sources(self, job_id: str, request: ExportRequest) -> Iterator[Sources]:
        project_id = self.manager.get(job_id).project_id
        with ExitStack() as stack:
            yield {
                media_id: stack.enter_context(self.storage.as_file(self.media.get(project_id, media_id).key))
                for media_id in request.media_ids()
            }

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        with self.working, TemporaryDirectory(dir=self.tmp) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def _stop_event(self, job_id: str) -> Iterator[threading.Event]:
        """An event that is set as soon as the job is told to stop or this process is to end."""
        stop, over = threading.Event(), threading.Event()

        def watch() -> None:
            while not over.wait(POLL_SECONDS):
                if self.stopping.is_set() or self._to_be_left(job_id):
                    stop.set()
                    return

        watcher = threading.Thread(target=watch, name=f"stop-{job_id}", daemon=True)
        watcher.start()
        try:
            yield stop
        finally:
            over.set()
            watcher.join()
