"""Workers on a real PostgreSQL, killed (SIGKILL) at random moments over many jobs: each is done once, as if
nothing had happened."""

import re
import time
from pathlib import Path
from random import Random

import pytest

from server.tests.conftest import Running
from server.tests.dying_worker import DyingWorker
from server.tests.fleet_bench import Fleet

JOBS = KILLS = 50
EXPORT_US, TRACKING_US = 1_200_000, 200_000
"""An export of two segments, and tracking of a few frames, which take half a second each."""


@pytest.fixture(scope="module")
def undisturbed(running: Running) -> dict[str, bytes]:
    """The results of one worker that nobody disturbs, by kind."""
    api = running.api
    made = {
        "export": api.export("project-1", running.info, out_us=EXPORT_US),
        "tracking": api.track("project-1", running.info, out_us=TRACKING_US),
    }
    for job in made.values():
        api.await_state(job["id"], "succeeded")
    return {kind: api.result(job["id"]) for kind, job in made.items()}


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_each_job_is_done_once(fleet: Fleet, clip: Path, undisturbed: dict[str, bytes], seed: int) -> None:
    """50 jobs, every fifth a tracking job, and 50 kills per seed over three workers: 200 of both in all."""
    random = Random(seed)

    def start(slot: int) -> DyingWorker:
        return DyingWorker(fleet.data.with_name(f"worker-{slot}.log"), fleet.data, None, fleet.environ)

    fleet.workers += [start(slot) for slot in range(3)]
    for worker in fleet.workers:
        worker.await_line(r"worker \d+ is ready")
    info = fleet.api.upload("project-1", clip)
    kinds: dict[str, str] = {}
    for number in range(JOBS):
        if number % 5 == 4:
            kinds[fleet.api.track("project-1", info, out_us=TRACKING_US)["id"]] = "tracking"
        else:
            kinds[fleet.api.export("project-1", info, out_us=EXPORT_US)["id"]] = "export"
    kills = 0
    while kills < KILLS and any(fleet.api.job(job)["state"] != "succeeded" for job in kinds):
        time.sleep(random.uniform(0.5, 3.0))
        slot = random.randrange(len(fleet.workers))
        fleet.workers[slot].kill()
        fleet.workers[slot] = start(slot)
        kills += 1
    for job, kind in kinds.items():
        fleet.api.await_state(job, "succeeded")
        assert fleet.api.result(job) == undisturbed[kind]
    assert kills > JOBS // 4
    logs = "".join(path.read_text() for path in fleet.data.parent.glob("worker-*.log"))
    for kind in ("exports", "tracking"):
        assert re.search(rf"jobs\.{kind}: job \w+: segment 0 done", logs)
    for job in kinds:
        assert len(re.findall(f"job {job}: succeeded", logs)) <= 1
        made = re.findall(rf"job {job}: segment (\d+) done", logs)
        assert len(made) == len(set(made)), f"a segment of {job} was made twice: {made}"
    assert [name for name in fleet.left() if not name.startswith("tmp/")] == []
