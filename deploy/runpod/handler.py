"""The worker on RunPod Serverless: runs the tasks of `server.gpu.tasks` on the worker's GPU.

    python -u deploy/runpod/handler.py                    # on RunPod: takes jobs until it is ended
    python -u deploy/runpod/handler.py --test_input ...   # one job, as RunPod's SDK does it locally

Settings: REELBALLERS_DEVICE (default cuda; cpu for trying it out), REELBALLERS_FETCH_HOSTS (hosts, comma
separated, that URLs may name although they are not public), REELBALLERS_WEIGHTS (see the Dockerfile).
"""

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

STARTED = time.monotonic()
ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

import runpod.serverless  # noqa: E402

from deploy.runpod import fitness  # noqa: E402
from deploy.runpod.reporter import Reporter  # noqa: E402
from pycore.protocol import Problem, ReelError, encode  # noqa: E402
from server.gpu.base import GpuProcessor, Stopped  # noqa: E402
from server.gpu.local import local_processor  # noqa: E402
from server.gpu.local_tracker import LocalTracker  # noqa: E402
from server.gpu.task_files import TaskFiles  # noqa: E402
from server.gpu.task_run import TaskRun  # noqa: E402
from server.gpu.tasks import error_text, parse_task  # noqa: E402
from server.net.guard import AddressGuard, guarded_client  # noqa: E402

_log = logging.getLogger("reelballers.runpod")


class Worker:
    """Runs one job at a time, in a thread of its own, so that the SDK's loop goes on reporting and hears of
    cancelled jobs."""

    def __init__(self, processor: GpuProcessor, ready_seconds: float) -> None:
        self._processor = processor
        self._tracker = LocalTracker(processor.info())
        self._ready_seconds = ready_seconds
        self._gpu = ThreadPoolExecutor(1, "gpu")
        hosts = os.environ.get("REELBALLERS_FETCH_HOSTS", "")
        self._guard = AddressGuard({each.strip() for each in hosts.split(",") if each.strip()})

    async def handle(self, job: dict[str, Any]) -> dict[str, Any]:
        """RunPod's handler: the job's output, or {"error": a Problem as text}. Cancelling it ends the work
        within the frame at hand, and only then returns: the next job finds the GPU free."""
        stop = threading.Event()
        work = asyncio.get_running_loop().run_in_executor(self._gpu, self._run, job, stop)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            while not work.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({work})
            raise

    def _run(self, job: dict[str, Any], stop: threading.Event) -> dict[str, Any]:
        ready_seconds, self._ready_seconds = self._ready_seconds, 0.0
        reporter = Reporter(job)
        try:
            task = parse_task(job.get("input"))
            with guarded_client(self._guard) as client, tempfile.TemporaryDirectory() as tmp:
                run = TaskRun(
                    task=task,
                    remote_id=str(job["id"]),
                    processor=self._processor,
                    tracker=self._tracker,
                    files=TaskFiles(client, stop),
                    report=reporter,
                    stop=stop,
                    tmp=Path(tmp),
                    ready_seconds=ready_seconds,
                )
                return encode(run.run())
        except ReelError as error:
            _log.warning("job %s: %s", job.get("id"), error.problem)
            answer: dict[str, Any] = {"error": error_text(error.problem)}
            # a GPU that was lost stays so in this process: the worker is replaced
            return answer | ({"refresh_worker": True} if error.problem.code == "device.lost" else {})
        except Stopped:
            return {"error": error_text(_STOPPED)}
        except Exception as error:  # noqa: BLE001  whatever it is, the job's owner is told
            # The GPU may be the cause, and a broken CUDA context stays broken: the worker is replaced.
            _log.exception("job %s failed", job.get("id"))
            return {"error": error_text(_internal(error)), "refresh_worker": True}
        finally:
            reporter.close()


_STOPPED = Problem("task.stopped", "The task was stopped", status=499)


def _internal(error: Exception) -> Problem:
    return Problem(
        "task.internal",
        "The task failed for a reason that we did not foresee",
        f"{type(error).__name__}: {error}"[:500],
        "The worker's log has the details.",
        500,
    )


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs, and ours are keys
    device = os.environ.get("REELBALLERS_DEVICE", "cuda")
    processor = local_processor(device)
    for check in fitness.checks(processor):
        runpod.serverless.register_fitness_check(check)
    worker = Worker(processor, time.monotonic() - STARTED)
    runpod.serverless.start({"handler": worker.handle})


if __name__ == "__main__":
    main()
