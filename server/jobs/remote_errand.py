"""What differs between kinds of jobs at RunPod: the task that is sent, and what is made of the answer."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pycore.protocol import Estimate, ExportResult, TrackingResult
from server.db.documents import load
from server.gpu.base import ExportPlan
from server.gpu.estimates import TRACKING
from server.gpu.tasks import Metadata
from server.gpu.tracking import TrackingPlan
from server.jobs.manager import JobManager
from server.jobs.remote_tasks import Reach, export_task, track_task
from server.storage.keys import result_keys, tracking_key

P = TypeVar("P", contravariant=True)
R = TypeVar("R")


class Errand(Protocol[P, R]):
    """A kind of job with plans P and results R."""

    def net(self, plan: P) -> str:
        """What its throughput is kept under."""
        ...

    def task(self, reach: Reach, plan: P) -> dict[str, Any]:
        """The RunPod job's input. Raises TooLong."""
        ...

    def result_key(self, job_id: str) -> str:
        """Where the worker stores the result."""
        ...

    def result(self, plan: P, metadata: Metadata, estimate: Estimate | None, spent: float) -> R:
        """The job's record. `spent`: what all its attempts cost together."""
        ...

    def load(self, text: str) -> R:
        """A record that was stored."""
        ...

    def succeed(self, manager: JobManager, job_id: str, result: R) -> None:
        """Ends the job."""
        ...


@dataclass(frozen=True, slots=True)
class ExportErrand:
    """Exports."""

    def net(self, plan: ExportPlan) -> str:
        return plan.request.model.value

    def task(self, reach: Reach, plan: ExportPlan) -> dict[str, Any]:
        return export_task(reach, plan)

    def result_key(self, job_id: str) -> str:
        return result_keys(job_id)[0]

    def result(
        self, plan: ExportPlan, metadata: Metadata, estimate: Estimate | None, spent: float
    ) -> ExportResult:
        seconds = metadata.compute_seconds
        return ExportResult(
            bytes=metadata.bytes,
            seconds=seconds,
            frames=metadata.frames,
            fps=metadata.frames / max(seconds, 1e-6),
            device=f"RunPod {metadata.device}",
            model=plan.request.model,
            in_size=plan.clips[0].in_size,
            out_size=plan.out_size,
            duration_us=metadata.duration_us,
            has_audio=metadata.has_audio,
            estimated_seconds=estimate.seconds if estimate else 0.0,
            estimated_cost_usd=estimate.cost_usd if estimate else 0.0,
            actual_cost_usd=spent,
            sha256=metadata.sha256,
            notes=metadata.notes,
        )

    def load(self, text: str) -> ExportResult:
        return load(ExportResult, text)

    def succeed(self, manager: JobManager, job_id: str, result: ExportResult) -> None:
        manager.succeed(job_id, result)


@dataclass(frozen=True, slots=True)
class TrackingErrand:
    """Tracking jobs. `manager` knows what each is to look at."""

    manager: JobManager

    def net(self, plan: TrackingPlan) -> str:
        return TRACKING

    def task(self, reach: Reach, plan: TrackingPlan) -> dict[str, Any]:
        return track_task(reach, self.manager.tracking_request(reach.job.id), plan)

    def result_key(self, job_id: str) -> str:
        return tracking_key(job_id)

    def result(
        self, plan: TrackingPlan, metadata: Metadata, estimate: Estimate | None, spent: float
    ) -> TrackingResult:
        seconds = metadata.compute_seconds
        return TrackingResult(
            bytes=metadata.bytes,
            seconds=seconds,
            frames=metadata.frames,
            fps=metadata.frames / max(seconds, 1e-6),
            device=f"RunPod {metadata.device}",
            players=metadata.players,
            cuts=metadata.cuts,
            estimated_seconds=estimate.seconds if estimate else 0.0,
            estimated_cost_usd=estimate.cost_usd if estimate else 0.0,
            actual_cost_usd=spent,
        )

    def load(self, text: str) -> TrackingResult:
        return load(TrackingResult, text)

    def succeed(self, manager: JobManager, job_id: str, result: TrackingResult) -> None:
        manager.succeed_tracking(job_id, result)
