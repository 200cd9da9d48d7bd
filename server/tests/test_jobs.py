"""Jobs without processes: their states, and the events that tell of them."""

import asyncio
import threading
from itertools import product

import pytest

from pycore.protocol import (
    JobState,
    Problem,
    ReelError,
)
from server.db.documents import dump
from server.db.tables import jobs
from server.jobs import watch as watching
from server.jobs.reading import History
from server.jobs.rows import KEPT_PROGRESS_EVENTS, delete_jobs
from server.jobs.states import IllegalTransition, check_transition
from server.jobs.watch import JobWatch
from server.tests.job_bench import CPU, Bench

# States

LEGAL = {
    (JobState.QUEUED, JobState.RUNNING),
    (JobState.QUEUED, JobState.CANCELLED),
    (JobState.QUEUED, JobState.FAILED),
    (JobState.RUNNING, JobState.SUCCEEDED),
    (JobState.RUNNING, JobState.CANCELLED),
    (JobState.RUNNING, JobState.FAILED),
}


@pytest.mark.parametrize(("before", "after"), list(product(JobState, JobState)))
def test_the_ways_between_states(before: JobState, after: JobState) -> None:
    if (before, after) in LEGAL:
        check_transition(before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"A {before.value} job cannot become {after.value}"):
            check_transition(before, after)


def test_a_final_job_stays_as_it_is(bench: Bench) -> None:
    job = bench.job()
    bench.run(job.id)
    done = bench.manager.get(job.id)
    assert done.state is JobState.SUCCEEDED
    assert bench.manager.cancel(job.id) == done
    assert not bench.manager.start(job.id, CPU)
    bench.manager.progress(job.id, 0.5, "late", None, 1.0)
    assert done.result is not None
    bench.manager.succeed(job.id, done.result)
    assert bench.manager.get(job.id) == done
    with pytest.raises(IllegalTransition):
        bench.manager.fail(job.id, Problem("x", "X"))
    with pytest.raises(IllegalTransition):
        bench.manager.cancelled(job.id)
    assert bench.manager.get(job.id) == done
    assert not bench.manager.start("nothing", CPU)


# Events


def test_events_tell_every_change(bench: Bench) -> None:
    job = bench.job()
    bench.run(job.id)
    events = bench.manager.events(job.id, 0)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[0].job == job
    assert events[-1].job == bench.manager.get(job.id)
    assert bench.manager.events(job.id) == events[-1:]
    assert bench.manager.events(job.id, 2) == events[2:]
    assert bench.manager.events(job.id, events[-1].sequence) == []


def test_old_progress_is_forgotten_and_changes_of_state_are_not(bench: Bench) -> None:
    job = bench.job()
    bench.manager.start(job.id, CPU)
    for index in range(KEPT_PROGRESS_EVENTS * 2):
        bench.manager.progress(job.id, index / 1000, "on", None, 0.1)
    events = bench.manager.events(job.id, 0)
    assert KEPT_PROGRESS_EVENTS < len(events) < KEPT_PROGRESS_EVENTS + 5
    assert [event.job.state for event in events[:3]] == [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING]
    assert bench.manager.compute_seconds(job.id) == pytest.approx(KEPT_PROGRESS_EVENTS * 0.2)


def test_watchers_share_one_look_at_the_database(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)
    job = bench.job()
    first_looks, polls, at_once = [0], [0], [0]
    all_watch, lock = threading.Event(), threading.Lock()
    ask = bench.manager.history

    def counted(job_id: str, after: int | None = None) -> History:
        if after is not None:
            with lock:
                polls[0] += 1
                at_once[0] = max(at_once[0], polls[0])
        found = ask(job_id, after)
        with lock:
            if after is not None:
                polls[0] -= 1
            else:
                first_looks[0] += 1
            if first_looks[0] == 20:
                all_watch.set()
        return found

    monkeypatch.setattr(bench.manager, "history", counted)

    async def follow(watch: JobWatch) -> list[str]:
        return [told.text async for told in watch.follow(job.id)]

    async def all_of_them() -> list[list[str]]:
        watch = JobWatch(bench.manager)
        tasks = [asyncio.create_task(follow(watch)) for _ in range(20)]
        assert await asyncio.to_thread(all_watch.wait, 60)
        await asyncio.to_thread(bench.run, job.id)
        found = await asyncio.gather(*tasks)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:  # nobody watches: nobody goes on looking
            await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), 60)
        return found

    found = asyncio.run(all_of_them())
    assert found == [[dump(event) for event in bench.manager.events(job.id, 0)]] * 20
    assert at_once == [1]
    later = [[id(text) for text in texts[1:]] for texts in found]
    assert later == [later[0]] * 20, "what is told to many is encoded once"


def test_a_watcher_is_told_when_the_job_is_deleted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)
    job = bench.job()

    async def follow() -> None:
        async for told in JobWatch(bench.manager).follow(job.id, 0):
            assert told.event.job.state is JobState.QUEUED
            with bench.database.write() as transaction:
                delete_jobs(transaction, jobs.c.id == job.id)

    with pytest.raises(ReelError) as caught:
        asyncio.run(follow())
    assert caught.value.problem.code == "job.not-found"
