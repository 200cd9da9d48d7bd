"""Several workers and API processes on one PostgreSQL: each job runs once, whoever dies."""

import os
import re
import signal
from pathlib import Path

import httpx
import pytest

from server.db.fleet import HEARTBEAT_SECONDS, SILENCE_SECONDS
from server.tests.conftest import Running
from server.tests.fleet_bench import Fleet
from server.tests.processes import Api, export_request, start_api

TAKEN_OVER_S = 30.0
"""What issue 6 allows from a worker's death until another is at its job."""


@pytest.fixture(scope="session")
def undisturbed(running: Running) -> bytes:
    """The clip's export by one worker that nobody disturbs."""
    job = running.api.export("project-1", running.info)
    running.api.await_state(job["id"], "succeeded")
    return running.api.result(job["id"])


def starts(fleet: Fleet, job_id: str) -> list[str]:
    """The segments that were begun, in the order of the workers."""
    return re.findall(rf"job {job_id}: segment (\d+) starts", fleet.said())


def test_two_workers_share_the_jobs(fleet: Fleet, clip: Path, undisturbed: bytes) -> None:
    names = [re.findall(r"is ready: .*\((\S+)\)", fleet.start().said())[0] for _ in range(2)]
    assert len(set(names)) == 2
    info = fleet.api.upload("project-1", clip)
    jobs = [fleet.api.export("project-1", info)["id"] for _ in range(4)]
    for job in jobs:
        fleet.api.await_state(job, "succeeded")
        assert fleet.api.result(job) == undisturbed
        assert sorted(starts(fleet, job)) == list("01234")
    for worker in fleet.workers:
        assert "succeeded" in worker.said()
    assert fleet.left() == []


def test_a_death_is_noticed_well_within_the_time_allowed() -> None:
    """At its last beat a worker may just have begun; another one looks at every beat of its own."""
    assert SILENCE_SECONDS + 2 * HEARTBEAT_SECONDS < TAKEN_OVER_S


def test_a_dead_workers_job_is_taken_over_once(fleet: Fleet, clip: Path, undisturbed: bytes) -> None:
    for _ in range(3):
        fleet.start()
    job = fleet.api.export("project-1", fleet.api.upload("project-1", clip))["id"]
    first = fleet.at(f"job {job}: segment 1 starts")
    first.kill()
    second = fleet.at(f"job {job}: segment [1-4] starts")
    assert second is not first
    fleet.api.await_state(job, "succeeded")
    assert fleet.api.result(job) == undisturbed
    begun = starts(fleet, job)
    assert len(begun) <= 6  # five segments, of which the killed one was begun twice
    assert set(begun) == set("01234")
    assert len(re.findall(f"job {job}: succeeded", fleet.said())) == 1
    assert fleet.left() == []


def test_a_worker_asked_to_end_hands_its_job_over_at_once(
    fleet: Fleet, clip: Path, undisturbed: bytes
) -> None:
    both = [fleet.start(), fleet.start()]
    job = fleet.api.export("project-1", fleet.api.upload("project-1", clip))["id"]
    first = fleet.at(f"job {job}: segment 0 starts")
    second = both[both[0] is first]
    assert first.end() == 0
    second.await_line(f"job {job}: segment [0-4] starts")
    fleet.api.await_state(job, "succeeded")
    assert fleet.api.result(job) == undisturbed
    assert fleet.left() == []


def test_a_worker_that_was_away_does_not_disturb_the_one_that_took_over(
    fleet: Fleet, clip: Path, undisturbed: bytes
) -> None:
    """Stopped for longer than the silence that counts as death (a laptop's lid, a network that was gone)."""
    both = [fleet.start(), fleet.start()]
    info = fleet.api.upload("project-1", clip)
    job = fleet.api.export("project-1", info)["id"]
    first = fleet.at(f"job {job}: segment 0 starts")
    second = both[both[0] is first]
    os.kill(first.pid, signal.SIGSTOP)
    second.await_line(f"job {job}: segment [01] starts")
    os.kill(first.pid, signal.SIGCONT)
    done = fleet.api.await_state(job, "succeeded")
    assert fleet.api.result(job) == undisturbed
    assert len(re.findall(f"job {job}: succeeded", fleet.said())) == 1
    after = [fleet.api.export("project-1", info)["id"] for _ in range(3)]
    for each in after:
        fleet.api.await_state(each, "succeeded")
    assert done["result"]["frames"] == 150
    assert fleet.left() == []


def test_two_apis_are_one(fleet: Fleet, clip: Path) -> None:
    """What one stores the other reads, and events of a job asked for there come through here."""
    process, url = start_api(fleet.data, **fleet.environ)
    try:
        with httpx.Client(base_url=url, timeout=60) as http:
            other = Api(url, http)
            info = fleet.api.upload("project-1", clip)
            assert other.call("GET", "projects/project-1")["id"] == "project-1"
            fleet.start()
            headers = {"Idempotency-Key": "one"}
            body = export_request(info, out_us=200_000)
            made = [
                each.http.post("/api/v1/projects/project-1/exports", json=body, headers=headers).json()["id"]
                for each in (fleet.api, other)
            ]
            assert made[0] == made[1]
            other.await_state(made[0], "succeeded")
    finally:
        assert process.end() == 0
