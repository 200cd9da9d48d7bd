"""Exports at RunPod under lost answers, lost webhooks, dead workers, expired results and cancelling."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pycore.protocol import JobState, Problem, ReelError
from server.config.runpod import Caps
from server.db.attempts import End
from server.gpu.tasks import error_text
from server.jobs.exports import WorkerStopping
from server.jobs.remote import ATTEMPTS
from server.jobs.remote_waiting import Fallback
from server.jobs.steps import Cancelled
from server.tests.processes import await_
from server.tests.remote_bench import RESULT, RemoteBench, no_waiting, open_remote_bench
from server.tests.runpod_plane import Plane, PlaneJob, Trouble


@pytest.fixture
def remote(tmp_path: Path, plane: Plane, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteBench]:
    no_waiting(monkeypatch)
    with open_remote_bench(tmp_path, plane) as bench:
        yield bench


def taken(plane: Plane, worker: str = "w1") -> PlaneJob:
    """The next job, as soon as a worker can have it."""
    return await_("a job on the plane", lambda: plane.take(worker))


def test_the_usual_way(remote: RemoteBench, plane: Plane) -> None:
    job, steps = remote.job(), remote.steps
    following = remote.follow(job, steps)
    at_work = taken(plane)
    plane.post(at_work.id, {"status": "IN_PROGRESS", "output": told(1, 0.5)})
    shown = await_(
        "progress", lambda: current if (current := remote.bench.manager.get(job.id)).progress > 0.4 else None
    )
    assert shown.message == "half"
    plane.post(at_work.id, {"status": "IN_PROGRESS", "output": told(1, 0.1)})  # overtaken
    remote.work(job, at_work)
    assert following.end() is None
    steps.finish(job.id, remote.plan())
    done = remote.bench.manager.get(job.id)
    assert done.state is JobState.SUCCEEDED
    assert done.result is not None
    assert done.result.device == "RunPod NVIDIA L4"
    assert done.result.estimated_cost_usd == 0.02
    attempt = remote.attempt(job)
    assert (attempt.end, attempt.remote_id) == (End.SUCCEEDED, at_work.id)
    # start (the table's 30 s, as the worker was cold) + execution + idle, by the L4's price
    expected = (30 + at_work.execution_ms / 1000 + 5) * 0.00019
    assert done.result.actual_cost_usd == pytest.approx(expected) == pytest.approx(attempt.cost_usd)
    assert remote.bench.steps.fleet.throughput("NVIDIA L4", done.result.model) == 100.0
    steps.finish(job.id, remote.plan())  # a step that is repeated
    assert remote.bench.manager.get(job.id) == done


def told(sequence: int, progress: float) -> dict[str, object]:
    return {"sequence": sequence, "progress": progress, "message": "half" if progress == 0.5 else "late"}


@pytest.mark.parametrize("trouble", ["done, but hang up", "done, but 502", "garbage"])
def test_a_lost_answer_makes_no_second_run(remote: RemoteBench, plane: Plane, trouble: Trouble) -> None:
    """The job is there, though nobody said so: it is found by its claim."""
    plane.trouble("run", trouble)
    job = remote.job()
    following = remote.follow(job)
    at_work = taken(plane)
    assert remote.claim(job, at_work)
    await_("the id", lambda: remote.attempt(job).remote_id)
    assert remote.attempt(job).remote_id == at_work.id
    remote.work(job, at_work)
    assert following.end() is None
    assert plane.asked("run") == 1


@pytest.mark.parametrize("trouble", ["500", "hang up"])
def test_a_submission_that_did_not_arrive_is_sent_again(
    remote: RemoteBench, plane: Plane, trouble: Trouble
) -> None:
    """The endpoint has nothing: so it is not there, and no time is lost."""
    plane.trouble("run", trouble)
    job = remote.job()
    following = remote.follow(job)
    remote.work(job, taken(plane))
    assert following.end() is None
    assert (plane.asked("run"), len(plane.jobs), len(remote.attempts.of_job(job.id))) == (2, 1, 1)


def test_of_two_submissions_one_works_and_that_one_is_followed(remote: RemoteBench, plane: Plane) -> None:
    """The first waits in the queue unseen for so long that it is sent again."""
    plane.trouble("run", "done, but hang up")
    job = remote.job()
    following = remote.follow(job)
    await_("the second submission", lambda: len(plane.jobs) == 2)
    first, second = taken(plane, "w1"), taken(plane, "w2")
    await_("the second's id", lambda: remote.attempt(job).remote_id == second.id)
    assert remote.claim(job, first)
    remote.work(job, second)
    assert second.output["duplicate_of"] == first.id
    await_("the first to be followed", lambda: remote.attempt(job).remote_id == first.id)
    remote.work(job, first)
    assert following.end() is None
    assert [each.end for each in remote.attempts.of_job(job.id)] == [End.SUCCEEDED]


def test_a_process_that_died_before_it_knew_the_id_finds_the_job(remote: RemoteBench, plane: Plane) -> None:
    job = remote.job()
    first = remote.anew()
    following = remote.follow(job, first)
    at_work = taken(plane)
    await_("the id", lambda: remote.attempt(job).remote_id)
    first.jobs.stopping.set()
    assert isinstance(following.end(), WorkerStopping)
    remote.attempts._update(remote.attempt(job).id, remote_id=None)  # as if it had died just before
    following = remote.follow(job)
    remote.work(job, at_work)
    assert following.end() is None
    assert plane.asked("run") == 1


def test_a_restart_takes_up_following(remote: RemoteBench, plane: Plane) -> None:
    job, first = remote.job(), remote.anew()
    following = remote.follow(job, first)
    at_work = taken(plane)
    await_("the id", lambda: remote.attempt(job).remote_id)
    first.jobs.stopping.set()
    assert isinstance(following.end(), WorkerStopping)
    remote.work(job, at_work)  # it ends while nobody looks
    plane.expire(at_work.id)  # and its result is kept no longer
    assert remote.follow(job).end() is None
    assert remote.attempt(job).end is End.SUCCEEDED
    assert plane.asked("run") == 1


def test_a_webhook_is_looked_after_at_once_once_or_twice(
    remote: RemoteBench, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.remote.FIRST_POLL_SECONDS", 3600.0)
    monkeypatch.setattr("server.jobs.remote.LONGEST_POLL_SECONDS", 3600.0)
    job = remote.job()
    following = remote.follow(job)
    at_work = taken(plane)
    await_("the first look", lambda: plane.asked("status") == 1)
    remote.work(job, at_work)
    for _ in range(2):
        remote.attempts.nudge(remote.attempt(job).id, at_work.id)
    assert following.end() is None


def test_late_progress_does_not_hide_the_result(remote: RemoteBench, plane: Plane) -> None:
    plane.late_progress = True
    job = remote.job()
    following = remote.follow(job)
    at_work = taken(plane)
    plane.post(at_work.id, {"status": "IN_PROGRESS", "output": told(7, 0.9)})
    remote.work(job, at_work)
    assert at_work.output == told(7, 0.9)
    assert following.end() is None


def test_a_failed_worker_is_followed_by_a_second_attempt(remote: RemoteBench, plane: Plane) -> None:
    job, steps = remote.job(), remote.steps
    following = remote.follow(job, steps)
    broken = taken(plane)
    assert remote.claim(job, broken)
    plane.post(broken.id, {"error": "CUDA error: an illegal memory access"})
    second = taken(plane)
    assert remote.claim_key(second) != remote.claim_key(broken)
    remote.work(job, second)
    assert following.end() is None
    steps.finish(job.id, remote.plan())
    made = remote.attempts.of_job(job.id)
    assert [each.end for each in made] == [End.FAULT, End.SUCCEEDED]
    done = remote.bench.manager.get(job.id)
    assert done.result is not None
    assert done.result.actual_cost_usd == pytest.approx(sum(each.cost_usd for each in made))
    assert made[0].cost_usd > 0


def test_failures_in_a_row_bring_the_job_home(remote: RemoteBench, plane: Plane) -> None:
    job = remote.job()
    following = remote.follow(job)
    for _ in range(ATTEMPTS):
        at_work = taken(plane)
        remote.claim(job, at_work)
        plane.post(at_work.id, {"error": "out of memory"})
    raised = following.end()
    assert isinstance(raised, Fallback)
    assert "out of memory" in str(raised)
    assert all(each.fault for each in remote.attempts.outcomes())


def test_what_is_the_jobs_own_fault_is_not_tried_again(remote: RemoteBench, plane: Plane) -> None:
    job = remote.job()
    following = remote.follow(job)
    at_work = taken(plane)
    remote.claim(job, at_work)
    plane.post(at_work.id, {"error": error_text(Problem("media.damaged", "Damaged", status=422))})
    raised = following.end()
    assert isinstance(raised, ReelError)
    assert raised.problem.code == "media.damaged"
    assert remote.attempt(job).end is End.FAILED
    assert not any(each.fault for each in remote.attempts.outcomes())


def test_what_took_too_long_goes_on_with_twice_the_time(remote: RemoteBench, plane: Plane) -> None:
    job = remote.job()
    following = remote.follow(job)
    slow = taken(plane)
    remote.claim(job, slow)
    slow.policy["executionTimeout"] = -1
    second = taken(plane)
    assert second.policy["executionTimeout"] == 2 * 300_000
    assert second.policy["ttl"] > second.policy["executionTimeout"]
    remote.work(job, second)
    assert following.end() is None


def test_a_job_that_vanished_from_the_queue_is_sent_again_and_can_never_run(
    remote: RemoteBench, plane: Plane
) -> None:
    job = remote.job()
    following = remote.follow(job)
    lost = await_("the job", lambda: plane.only() if plane.jobs else None)
    await_("the id", lambda: remote.attempt(job).remote_id)
    plane.expire(lost.id)
    second = taken(plane)
    assert not remote.claim(job, lost)  # should it turn up after all
    remote.work(job, second)
    assert following.end() is None


# Cancelling


def test_cancelling_what_waits_costs_nothing(remote: RemoteBench, plane: Plane) -> None:
    job = remote.job()
    following = remote.follow(job)
    await_("the id", lambda: bool(remote.attempts.of_job(job.id)) and remote.attempt(job).remote_id)
    remote.bench.manager.cancel(job.id)
    assert isinstance(following.end(), Cancelled)
    waiting = plane.only()
    assert waiting.status == "CANCELLED"
    assert not remote.claim(job, waiting)
    assert (remote.attempt(job).end, remote.attempt(job).cost_usd) == (End.WITHDRAWN, 0.0)


def test_cancelling_what_runs_stops_it_and_accounts_for_it(remote: RemoteBench, plane: Plane) -> None:
    job = remote.job()
    following = remote.follow(job)
    at_work = taken(plane)
    remote.claim(job, at_work)
    await_("the id", lambda: remote.attempt(job).remote_id)
    remote.bench.manager.cancel(job.id)
    assert isinstance(following.end(), Cancelled)
    assert at_work.status == "CANCELLED"
    assert plane.stops("w1") == [at_work.id]
    assert remote.attempt(job).end is End.CANCELLED
    assert remote.attempt(job).cost_usd > 35 * 0.00019


def test_cancelling_while_it_is_unclear_whether_it_is_there(remote: RemoteBench, plane: Plane) -> None:
    plane.trouble("run", "done, but hang up")
    job = remote.job()
    following = remote.follow(job)
    await_("the submission", lambda: len(plane.jobs) == 1)
    remote.bench.manager.cancel(job.id)
    assert isinstance(following.end(), Cancelled)
    assert not remote.claim(job, taken(plane)), "whoever begins it now must find the claim taken"


def test_what_runs_for_nobody_is_called_off(remote: RemoteBench, plane: Plane) -> None:
    """The job failed here, or was deleted, while its worker went on."""
    job, first = remote.job(), remote.anew()
    following = remote.follow(job, first)
    at_work = taken(plane)
    remote.claim(job, at_work)
    await_("the id", lambda: remote.attempt(job).remote_id)
    first.jobs.stopping.set()
    following.end()
    first.claims.sweep()
    assert at_work.status == "IN_PROGRESS", "it is still wanted"
    remote.bench.manager.fail(job.id, Problem("x", "X"))
    first.claims.sweep()
    assert at_work.status == "CANCELLED"
    assert remote.attempt(job).end is End.CANCELLED
    assert remote.attempts.orphans() == []


# Money


def test_a_cap_holds_when_jobs_are_begun_together(
    tmp_path: Path, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_waiting(monkeypatch)
    with open_remote_bench(tmp_path, plane, Caps(user_day_usd=0.05)) as remote:
        jobs = [remote.job() for _ in range(4)]  # $0.02 each
        following = [remote.follow(job) for job in jobs]
        homecoming = await_(
            "two that may not",
            lambda: found if len(found := [each for each in following if not each.is_alive()]) == 2 else None,
        )
        for each in homecoming:
            raised = each.end()
            assert isinstance(raised, Fallback)
            assert "your cap for today" in str(raised)
        await_("the two that may", lambda: len(plane.jobs) == 2)
        for job in jobs:
            remote.bench.manager.cancel(job.id)
        for each in following:
            each.end()
        assert remote.attempts.allowances("local", Caps(user_day_usd=0.05))[0].left_usd == 0.05


def test_what_was_spent_stays_spent_when_the_job_is_deleted(remote: RemoteBench, plane: Plane) -> None:
    job, steps = remote.job(), remote.steps
    following = remote.follow(job, steps)
    remote.work(job, taken(plane))
    following.end()
    steps.finish(job.id, remote.plan())
    spent = remote.attempts.spent(job.id)
    remote.bench.manager.delete(job.id)
    caps = Caps(user_day_usd=1.0, user_month_usd=2.0, day_usd=3.0, month_usd=4.0)
    left = [each.left_usd for each in remote.attempts.allowances("local", caps)]
    assert left == pytest.approx([1 - spent, 2 - spent, 3 - spent, 4 - spent])
    others = [each.left_usd for each in remote.attempts.allowances("somebody", caps)]
    assert others == pytest.approx([1, 2, 3 - spent, 4 - spent])


def test_the_result_is_the_workers(remote: RemoteBench, plane: Plane) -> None:
    job = remote.job()
    following = remote.follow(job)
    remote.work(job, taken(plane))
    following.end()
    assert b"".join(remote.bench.storage.get(f"jobs/{job.id}/result.mp4")) == RESULT
