"""Two workers on a real PostgreSQL, killed (SIGKILL) once before and once after every durable write that an
export or a tracking job makes: each job is done once, as if nothing had happened."""

import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.tests.dying_worker import DyingWorker
from server.tests.fleet_bench import Fleet
from server.tests.processes import Process, await_, export_request

KINDS = ("exports", "tracking")
FRAMES_US = 1_200_000, 200_000
"""An export of two segments, and a tracking job of two: long enough, and no longer."""


@dataclass
class Jobs:
    """The jobs asked for so far."""

    fleet: Fleet
    info: dict[str, Any]
    ids: list[str] = field(default_factory=list)

    def ask(self, kind: str) -> str | None:
        """None while no worker is there that could do it."""
        if kind == "exports":
            body = export_request(self.info, out_us=FRAMES_US[0])
        else:
            body = {"media_id": self.info["id"], "in_us": 0, "out_us": FRAMES_US[1]}
        answer = self.fleet.api.http.post(f"/api/v1/projects/project-1/{kind}", json=body)
        if answer.status_code == 409 and answer.json()["code"] == "route.unavailable":
            return None
        self.ids.append(answer.raise_for_status().json()["id"])
        return self.ids[-1]

    def keep_one_waiting(self, kind: str) -> None:
        """So that a worker that is to die at such a job meets one."""
        if not self.ids or self.fleet.api.job(self.ids[-1])["state"] != "queued":
            self.ask(kind)


def start(fleet: Fleet, slot: int, dies_at: str = "") -> Process:
    log = fleet.data.with_name(f"worker-{slot}.log")
    worker = DyingWorker(log, fleet.data, dies_at, fleet.environ)
    fleet.workers.append(worker)
    return worker


def boundaries(fleet: Fleet, jobs: Jobs, kind: str) -> tuple[list[str], bytes]:
    """What an undisturbed worker passes at a job, in order; the job's result."""
    worker = start(fleet, 0)
    job = await_("a worker", lambda: jobs.ask(kind), worker.alive)
    fleet.api.await_state(job, "succeeded")
    worker.await_line("boundary: after update_workflow_outcome")
    assert worker.end() == 0
    return list(dict.fromkeys(re.findall(r"boundary: (.*)", worker.said()))), fleet.api.result(job)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_killed_before_and_after_every_durable_write(fleet: Fleet, clip: Path, kind: str) -> None:
    jobs = Jobs(fleet, fleet.api.upload("project-1", clip))
    passed, expected = boundaries(fleet, jobs, kind)
    assert len(passed) > 20, passed
    deaths = deque(reversed(passed))  # from the last to the first: so no job meets more than MAX_RECOVERIES
    slots: dict[int, tuple[Process, str]] = {}

    def died() -> int | None:
        jobs.keep_one_waiting(kind)
        return next((slot for slot, (worker, _) in slots.items() if not worker.alive()), None)

    while deaths or slots:
        for slot in {0, 1} - set(slots):
            if deaths:
                name = deaths.popleft()
                slots[slot] = (start(fleet, slot, name), name)
        gone = await_(f"a death at one of {[name for _, name in slots.values()]}", died)
        worker, name = slots.pop(gone)
        assert f"boundary: dies {name}" in worker.said(), worker.said()
    last = [start(fleet, slot) for slot in (0, 1)]
    for job in jobs.ids:
        fleet.api.await_state(job, "succeeded")
        assert fleet.api.result(job) == expected
    assert [worker.end() for worker in last] == [0, 0]
    logs = "".join(path.read_text() for path in fleet.data.parent.glob("worker-*.log"))
    assert "segment 1 done" in logs
    for job in jobs.ids:
        made = re.findall(rf"job {job}: segment (\d+) done", logs)
        assert len(made) == len(set(made)), f"a segment of {job} was made twice: {made}"
        assert len(re.findall(f"job {job}: succeeded", logs)) <= 1
    assert fleet.left() == []
