"""Jobs without processes: steps that break off anywhere, are stopped, or stay broken."""

import errno
import itertools
import json
import threading
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from pycore.protocol import (
    JobState,
    ReelError,
)
from server.gpu.base import Stopped
from server.jobs import outcomes
from server.jobs.steps import WorkerStopping, Working
from server.storage.local import LocalStorage
from server.tests.job_bench import SEGMENTS, Bench, Killed


@pytest.mark.parametrize("at_once", [1, SEGMENTS])
def test_killed_at_every_write_it_ends_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Dies once at each of the writes that an export makes, before and after it, and goes on."""
    bench.processor.at_once = at_once
    undisturbed = bench.job()
    bench.run(undisturbed.id)
    expected = b"".join(bench.storage.get(f"jobs/{undisturbed.id}/result.mp4"))
    writes = ("put", "put_file", "delete_folder")
    deaths = 0
    for name, after in product(writes, (False, True)):
        for nth in range(10):
            job = bench.job()
            bench.processor.ran.clear()
            with monkeypatch.context() as patch:
                armed = dying(patch, bench.storage, name, nth, after)
                try:
                    bench.run(job.id)
                except Killed:
                    deaths += 1
                if armed():
                    break  # it makes no so many writes
            before = bench.processor.ran.copy()
            stored = {
                int(key[:5]) for key in bench.files(job.id) if key[:5].isdecimal() and key.endswith(".mp4")
            }
            bench.run(job.id)
            assert bench.manager.get(job.id).state is JobState.SUCCEEDED
            assert b"".join(bench.storage.get(f"jobs/{job.id}/result.mp4")) == expected
            assert bench.files(job.id) == ["result.json", "result.mp4"]
            again = {index for index, runs in bench.processor.ran.items() if runs > before[index] > 0}
            assert not again & stored, "a finished segment was made again"
    assert deaths == 2 * (SEGMENTS + 1) * 2 + 2


def test_what_segments_note_is_in_the_result_once(bench: Bench) -> None:
    bench.processor.noted = "It ran out of memory: pictures went through in tiles of 4096 pixels."
    job = bench.job()
    bench.run(job.id)
    (facts,) = bench.storage.get(f"jobs/{job.id}/result.json")
    assert json.loads(facts)["notes"] == [bench.processor.noted]


def dying(
    patch: pytest.MonkeyPatch, storage: LocalStorage, name: str, nth: int, after: bool
) -> Callable[[], bool]:
    """Lets the nth call of a method of the storage be the process's last; tells whether that is still to
    come."""
    real, calls = getattr(storage, name), itertools.count()
    died = threading.Event()

    def call(*arguments: Any) -> Any:
        last = next(calls) == nth
        if last:
            died.set()
        if last and not after:
            raise Killed
        result = real(*arguments)
        if last:
            raise Killed
        return result

    patch.setattr(storage, name, call)
    return lambda: not died.is_set()


def test_segments_are_made_at_once_and_kept_in_order(bench: Bench) -> None:
    job, together = bench.job(), threading.Barrier(SEGMENTS)
    bench.processor.at_once = SEGMENTS

    def during(index: int, stop: threading.Event) -> None:
        together.wait(60)

    bench.processor.during = during
    bench.run(job.id)
    assert bench.manager.get(job.id).state is JobState.SUCCEEDED
    assert bench.processor.ran == dict.fromkeys(range(SEGMENTS), 1)
    result = b"".join(bench.storage.get(f"jobs/{job.id}/result.mp4"))
    assert result == b"segment 0 segment 1 segment 2 "


def test_the_last_segment_first(bench: Bench) -> None:
    """Each waits for the one behind it: the result is the same, and the progress rises."""
    job, done = bench.job(), [threading.Event() for _ in range(SEGMENTS + 1)]
    done[SEGMENTS].set()
    bench.processor.at_once = SEGMENTS

    def during(index: int, stop: threading.Event) -> None:
        assert done[index + 1].wait(60)
        done[index].set()

    bench.processor.during = during
    bench.run(job.id)
    assert b"".join(bench.storage.get(f"jobs/{job.id}/result.mp4")) == b"segment 0 segment 1 segment 2 "
    running = [event.job for event in bench.manager.events(job.id, 0) if event.job.state is JobState.RUNNING]
    assert [each.progress for each in running] == sorted(each.progress for each in running)


def test_a_segment_that_stays_broken_stops_the_others_and_is_told(bench: Bench) -> None:
    job, begun = bench.job(), threading.Barrier(SEGMENTS)
    bench.processor.at_once = SEGMENTS
    seen: list[str] = []

    def during(index: int, stop: threading.Event) -> None:
        begun.wait(60)
        if index == 1:
            raise ReelError.of("media.damaged", "Damaged")
        while not stop.wait(0.01):
            pass
        seen.append("stopped")
        raise Stopped

    bench.processor.during = during
    with pytest.raises(ReelError) as caught:
        bench.run(job.id)
    assert caught.value.problem.code == "media.damaged"
    assert seen == ["stopped"] * 2
    assert bench.files(job.id) == []


def test_cancelling_in_mid_segment(bench: Bench) -> None:
    job = bench.job()

    def during(index: int, stop: threading.Event) -> None:
        if index == 1:
            bench.manager.cancel(job.id)
            assert stop.wait(30)
            raise Stopped

    bench.processor.during = during
    bench.run(job.id)
    done = bench.manager.get(job.id)
    assert (done.state, done.message, done.seconds_left) == (JobState.CANCELLED, "Cancelled", None)
    assert bench.files(job.id) == []
    assert bench.processor.ran == {0: 1}


def test_a_worker_that_ends_leaves_the_job_running(bench: Bench) -> None:
    job = bench.job()

    def during(index: int, stop: threading.Event) -> None:
        if index == 1:
            bench.steps.stopping.set()
            assert stop.wait(30)
            raise Stopped

    bench.processor.during = during
    with pytest.raises(WorkerStopping):
        bench.run(job.id)
    assert bench.manager.get(job.id).state is JobState.RUNNING
    assert bench.files(job.id) == ["00000.json", "00000.mp4"]


def test_a_cancelled_job_that_waits_is_never_begun(bench: Bench) -> None:
    job = bench.job()
    bench.manager.cancel(job.id)
    bench.run(job.id)
    assert bench.processor.ran == {}
    assert bench.manager.get(job.id).state is JobState.CANCELLED


def test_progress_comes_in_order_and_with_the_time_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.reporter.REPORT_SECONDS", 0.0)
    job = bench.job()
    bench.run(job.id)
    running = [event.job for event in bench.manager.events(job.id, 0) if event.job.state is JobState.RUNNING]
    told = [each for each in running if each.message.startswith("Segment")]
    assert [each.progress for each in told] == sorted(each.progress for each in told)
    assert told[0].progress == pytest.approx(0.98 / 3)
    assert all(each.seconds_left is not None for each in told)
    assert {each.message for each in told} == {f"Segment {number} of 3" for number in (1, 2, 3)}


# What a step comes to


def test_a_step_that_breaks_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) < outcomes.ATTEMPTS:
            raise RuntimeError("for now")
        return "done"

    assert outcomes.attempt("job x: planning", _set_event(), work) == {"value": "done"}
    assert len(tries) == outcomes.ATTEMPTS
    assert "RuntimeError: for now" in caplog.text


@pytest.mark.parametrize(
    ("error", "code", "tries"),
    [
        (RuntimeError("broken"), "job.internal", outcomes.ATTEMPTS),
        (OSError(errno.ENOSPC, "No space left on device"), "storage.full", 1),
        (ReelError.of("media.damaged", "Damaged"), "media.damaged", 1),
    ],
)
def test_what_a_step_that_stays_broken_says(error: Exception, code: str, tries: int) -> None:
    seen = []

    def work() -> str:
        seen.append(1)
        raise error

    outcome = outcomes.attempt("job x: segment 3", _set_event(), work)
    assert f'"code":"{code}"' in outcome["problem"]
    assert len(seen) == tries


def test_a_worker_that_ends_is_no_outcome() -> None:
    def work() -> str:
        raise WorkerStopping

    with pytest.raises(WorkerStopping):
        outcomes.attempt("job x: segment 3", _set_event(), work)


def _set_event() -> threading.Event:
    """Ends every pause between attempts at once."""
    event = threading.Event()
    event.set()
    return event


def test_a_worker_ends_when_nothing_is_being_made_and_begins_nothing_more() -> None:
    working, inside, leave = Working(), threading.Event(), threading.Event()

    def make() -> None:
        with working:
            inside.set()
            leave.wait(60)

    maker = threading.Thread(target=make)
    maker.start()
    assert inside.wait(60)
    assert not working.end(0.01)
    leave.set()
    assert working.end(60)
    maker.join()
    with pytest.raises(WorkerStopping), working:
        pass
