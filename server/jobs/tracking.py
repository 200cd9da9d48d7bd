"""The steps of a tracking job: plan, one step per segment, link. Each may be killed and repeated at any
moment.

What was seen in a segment is stored in one write, so where the file is, the step is done."""

import logging
import time
from dataclasses import dataclass, field

from pycore.protocol import TrackingResult
from server.db.documents import dump, load
from server.gpu.base import Stopped
from server.gpu.detector_input import net_pixels
from server.gpu.estimates import TRACKING
from server.gpu.tracking import Seen, Tracker, TrackingPlan
from server.jobs.reporter import SegmentsReporter
from server.jobs.steps import JobSteps, WorkerStopping
from server.storage.keys import result_keys, seen_key, segments_folder, tracking_key

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackingSteps(JobSteps):
    """The steps of a tracking job, done by `tracker`."""

    tracker: Tracker = field(kw_only=True)

    def plan(self, job_id: str) -> TrackingPlan:
        """Checks the request against the source and cuts it into segments."""
        self._raise_if_cancelled(job_id)
        request = self.manager.tracking_request(job_id)
        with self._sources(job_id, request) as sources:
            plan = self.tracker.plan(sources[request.media_id], request.in_us, request.out_us)
        _log.info("job %s: planned %d segments, %d frames", job_id, len(plan.segments), plan.frames)
        return plan

    def segment(self, job_id: str, plan: TrackingPlan, index: int) -> None:
        """Looks for players in one segment. Raises Cancelled within it, once the job is told to stop."""
        self._raise_if_cancelled(job_id)
        key = seen_key(job_id, index)
        if self.storage.stat(key) is not None:
            _log.info("job %s: segment %d is there", job_id, index)
            return
        request = self.manager.tracking_request(job_id)
        with self.working, self._sources(job_id, request) as sources, self._stop_event(job_id) as stop:
            reporter = SegmentsReporter(self.manager, job_id, plan, done=range(index))
            try:
                with reporter.part(index) as progress:
                    seen = self.tracker.look(sources[request.media_id], plan, index, progress, stop)
            except Stopped:
                self._raise_if_cancelled(job_id)
                raise WorkerStopping from None
            self._raise_if_cancelled(job_id)  # or taken over by another worker meanwhile
            self.storage.put(key, [seen.to_bytes()])
        _log.info("job %s: segment %d done", job_id, index)

    def finish(self, job_id: str, plan: TrackingPlan) -> None:
        """Tells who is who, stores the document and ends the job."""
        document, facts = tracking_key(job_id), result_keys(job_id)[1]
        if self.storage.stat(document) is None:
            self._raise_if_cancelled(job_id)
            self.manager.progress(job_id, 0.98, "Telling the players apart", None, 0.0)
            request = self.manager.tracking_request(job_id)
            began = time.monotonic()
            with self.working, self._sources(job_id, request) as sources:
                keys = [seen_key(job_id, segment.index) for segment in plan.segments]
                seen = [Seen.from_bytes(b"".join(self.storage.get(key))) for key in keys]
                found = self.tracker.link(sources[request.media_id], plan, seen)
            self.manager.progress(job_id, 1.0, "Storing the result", None, time.monotonic() - began)
            text = dump(found).encode()
            seconds = self.manager.compute_seconds(job_id)
            estimate, spent = self.manager.get(job_id).estimate, self.spent(job_id)
            result = TrackingResult(
                bytes=len(text),
                seconds=seconds,
                frames=plan.frames,
                fps=plan.frames / max(seconds, 1e-6),
                device=self.processor.info().name,
                players=len(found.tracks),
                cuts=len(found.cuts),
                estimated_seconds=estimate.seconds if estimate else 0.0,
                estimated_cost_usd=estimate.cost_usd if estimate else 0.0,
                actual_cost_usd=spent,  # this machine's own work is free
            )
            if not spent and seconds > 0:  # else some of it was made elsewhere, in who knows what time
                pixels = plan.frames * net_pixels(plan.size, self.processor.info().kind)
                self.fleet.record_throughput(self.processor.info().name, TRACKING, pixels / seconds)
            self.storage.put(facts, [dump(result).encode()])
            self.storage.put(document, [text])
        result = load(TrackingResult, self._text(facts))
        self.storage.delete_folder(segments_folder(job_id))
        self.manager.succeed_tracking(job_id, result)
        _log.info("job %s: succeeded, %d players", job_id, result.players)
