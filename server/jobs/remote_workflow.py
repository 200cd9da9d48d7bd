"""A job at RunPod as a durable workflow; where RunPod is not the way, the job goes on here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dbos import DBOS

from pycore.protocol import ReelError, Route
from server.db.documents import dump, load
from server.jobs.outcomes import Outcome, attempt, value
from server.jobs.remote import RemoteSteps
from server.jobs.remote_waiting import Fallback
from server.jobs.steps import Cancelled, JobSteps
from server.jobs.workflows import MAX_RECOVERIES, logged

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Kind(Generic[P]):
    """A kind of job as its remote workflow needs it: `name` is that workflow's, `plan` makes a plan (of the
    class `plans`), `go_on_here` (job id, plan, why) hands the job to this server's own workers."""

    name: str
    plans: type[P]
    plan: Callable[[str], P]
    go_on_here: Callable[[str, P, str], None]


def register_remote(kind: Kind[P], jobs: JobSteps, steps: RemoteSteps[P, R] | None) -> Callable[[str], None]:
    """The workflow, registered with DBOS; call before `DBOS.launch()`. Its id is the job's id. `steps` is
    None where RunPod is not configured (any more)."""

    @DBOS.step(name=f"{kind.name}-plan")
    def plan_step(job_id: str) -> Outcome:
        return attempt(f"job {job_id}: planning", jobs.stopping, lambda: dump(kind.plan(job_id)))

    @DBOS.step(name=f"{kind.name}-run")
    def run_step(job_id: str, plan: P) -> Outcome:
        """Comes to why the job is to go on here; "" when its result is there."""

        def work() -> str:
            if steps is None:
                return "RunPod is not set up here any more"
            try:
                steps.run(job_id, plan)
            except Fallback as why:
                return str(why)
            return ""

        return attempt(f"job {job_id}: at RunPod", jobs.stopping, work)

    @DBOS.step(name=f"{kind.name}-finish")
    def finish_step(job_id: str, plan: P) -> Outcome:
        def work() -> None:
            assert steps is not None  # else the job had gone on here
            steps.finish(job_id, plan)

        return attempt(f"job {job_id}: finishing", jobs.stopping, work)

    @DBOS.workflow(name=kind.name, max_recovery_attempts=MAX_RECOVERIES)
    @logged
    def remote(job_id: str) -> None:
        manager = jobs.manager
        if not manager.start(job_id, manager.get(job_id).processor or jobs.processor.info()):
            return
        try:
            plan = load(kind.plans, value(plan_step(job_id)))
            why = value(run_step(job_id, plan))
            if not why:
                value(finish_step(job_id, plan))
            elif manager.asked_route(job_id) is Route.RUNPOD:
                raise ReelError.of(
                    "runpod.failed",
                    "RunPod could not run the job",
                    f"{why}.",
                    "Try again with the route “auto”, or later.",
                    502,
                )
            else:
                kind.go_on_here(job_id, plan, why)
        except Cancelled:
            jobs.cancelled(job_id)
        except ReelError as error:
            jobs.failed(job_id, error.problem)

    return remote
