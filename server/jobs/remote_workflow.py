"""An export at RunPod as a durable workflow; where RunPod is not the way, the job goes on here."""

from collections.abc import Callable

from dbos import DBOS

from pycore.protocol import ReelError, Route
from server.db.documents import dump, load
from server.gpu.base import ExportPlan
from server.jobs.exports import ExportSteps
from server.jobs.remote import Fallback, RemoteSteps
from server.jobs.steps import Cancelled
from server.jobs.workflows import MAX_RECOVERIES, Outcome, attempt, value

GoOnHere = Callable[[str, ExportPlan, str], None]
"""(job id, plan, why): hands the job to this server's own workers."""


def register_remote(
    exports: ExportSteps, steps: RemoteSteps | None, go_on_here: GoOnHere
) -> Callable[[str], None]:
    """The workflow, registered with DBOS; call before `DBOS.launch()`. Its id is the job's id. `steps` is
    None where RunPod is not configured (any more)."""

    @DBOS.step(name="remote-plan")
    def plan_step(job_id: str) -> Outcome:
        return attempt(f"job {job_id}: planning", exports.stopping, lambda: dump(exports.plan(job_id)))

    @DBOS.step(name="remote-run")
    def run_step(job_id: str, plan: ExportPlan) -> Outcome:
        """Comes to why the job is to go on here; "" when its result is there."""

        def work() -> str:
            if steps is None:
                return "RunPod is not set up here any more"
            try:
                steps.run(job_id, plan)
            except Fallback as why:
                return str(why)
            return ""

        return attempt(f"job {job_id}: at RunPod", exports.stopping, work)

    @DBOS.step(name="remote-finish")
    def finish_step(job_id: str, plan: ExportPlan) -> Outcome:
        def work() -> None:
            assert steps is not None  # else the job had gone on here
            steps.finish(job_id, plan)

        return attempt(f"job {job_id}: finishing", exports.stopping, work)

    @DBOS.workflow(name="remote", max_recovery_attempts=MAX_RECOVERIES)
    def remote(job_id: str) -> None:
        manager = exports.manager
        if not manager.start(job_id, manager.get(job_id).processor or exports.processor.info()):
            return
        try:
            plan = load(ExportPlan, value(plan_step(job_id)))
            why = value(run_step(job_id, plan))
            if not why:
                value(finish_step(job_id, plan))
            elif manager.request(job_id).route is Route.RUNPOD:
                raise ReelError.of(
                    "runpod.failed",
                    "RunPod could not run the export",
                    f"{why}.",
                    "Export again with the route “auto”, or try later.",
                    502,
                )
            else:
                go_on_here(job_id, plan, why)
        except Cancelled:
            exports.cancelled(job_id)
        except ReelError as error:
            exports.failed(job_id, error.problem)

    return remote
