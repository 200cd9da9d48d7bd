"""The client of RunPod against the stand-in plane."""

from collections.abc import Iterator

import httpx
import pytest

from pycore.protocol import ReelError
from server.gpu.runpod import ATTEMPTS, RemoteState, RunPodClient, SubmissionUnclear
from server.tests.runpod_plane import ENDPOINT, KEY, Plane, Trouble


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(plane: Plane, waits: list[float]) -> Iterator[RunPodClient]:
    with RunPodClient(KEY, ENDPOINT, f"{plane.url}/v2", sleep=waits.append, jitter=lambda: 0.5) as made:
        yield made


def submit(client: RunPodClient) -> str:
    return client.submit({"task": "export"}, execution_s=90, ttl_s=3600).id


def test_a_jobs_life(client: RunPodClient, plane: Plane) -> None:
    job = client.submit({"task": "export"}, execution_s=90, ttl_s=3600, webhook="http://127.0.0.1:9/x")
    assert job.state is RemoteState.IN_QUEUE
    made = plane.only()
    assert made.policy == {"executionTimeout": 90_000, "ttl": 3_600_000}
    assert (made.input, made.webhook) == ({"task": "export"}, "http://127.0.0.1:9/x")
    plane.take("w1")
    plane.post(job.id, {"status": "IN_PROGRESS", "output": {"progress": 0.5}})
    at_work = client.status(job.id)
    assert at_work is not None
    assert (at_work.state, at_work.output, at_work.worker_id) == (
        RemoteState.IN_PROGRESS,
        {"progress": 0.5},
        "w1",
    )
    plane.post(job.id, {"output": {"output_url": "x"}})
    done = client.status(job.id)
    assert done is not None
    assert (done.state, done.output) == (RemoteState.COMPLETED, {"output_url": "x"})
    assert done.execution_s > 0
    assert client.health().jobs == {"inQueue": 0, "inProgress": 0, "completed": 1, "failed": 0}
    plane.expire(job.id)
    assert client.status(job.id) is None
    assert client.cancel(job.id) is None


def test_a_failed_job_says_why(client: RunPodClient, plane: Plane) -> None:
    remote_id = submit(client)
    plane.take()
    plane.post(remote_id, {"error": "CUDA error"})
    job = client.status(remote_id)
    assert job is not None
    assert (job.state, job.error) == (RemoteState.FAILED, "CUDA error")


def test_cancelling_and_running_out_of_time(client: RunPodClient, plane: Plane) -> None:
    remote_id = submit(client)
    for _ in range(2):  # a second time changes nothing
        job = client.cancel(remote_id)
        assert job is not None
        assert job.state is RemoteState.CANCELLED
    slow = submit(client)
    plane.take()
    plane.jobs[slow].policy["executionTimeout"] = -1
    job = client.status(slow)
    assert job is not None
    assert job.state is RemoteState.TIMED_OUT


def test_a_stream_ends_with_the_job_in_whatever_way(client: RunPodClient, plane: Plane) -> None:
    for end in ("COMPLETED", "FAILED", "CANCELLED"):
        remote_id = submit(client)
        plane.take()
        plane.jobs[remote_id].stream.extend([1, 2])
        plane.jobs[remote_id].status = end
        assert [*client.stream(remote_id)] == [1, 2]
    assert [*client.stream("nothing")] == []


@pytest.mark.parametrize("trouble", ["429", "500", "hang up"])
def test_questions_are_asked_again(
    client: RunPodClient, plane: Plane, waits: list[float], trouble: Trouble
) -> None:
    remote_id = submit(client)
    plane.trouble("status", trouble, 2)
    job = client.status(remote_id)
    assert job is not None
    assert job.state is RemoteState.IN_QUEUE
    assert waits == [0.75, 1.5]  # doubling, with jitter
    plane.trouble("cancel", trouble, ATTEMPTS)
    with pytest.raises(ReelError) as caught:
        client.cancel(remote_id)
    assert caught.value.problem.code == "runpod.unavailable"
    assert plane.asked("cancel") == ATTEMPTS


def test_a_submission_is_repeated_only_where_nothing_was_done(client: RunPodClient, plane: Plane) -> None:
    plane.trouble("run", "429", 2)
    submit(client)
    assert len(plane.jobs) == 1
    plane.trouble("run", "429", ATTEMPTS)
    with pytest.raises(ReelError, match="overrun"):
        submit(client)
    assert len(plane.jobs) == 1


@pytest.mark.parametrize("trouble", ["500", "hang up", "done, but hang up", "done, but 502", "garbage"])
def test_a_submission_without_an_answer_is_not_repeated(
    client: RunPodClient, plane: Plane, trouble: Trouble
) -> None:
    plane.trouble("run", trouble)
    with pytest.raises(SubmissionUnclear):
        submit(client)
    assert plane.asked("run") == 1


def test_waiting_too_long_for_the_answer_is_unclear_too() -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too slow", request=request)

    with RunPodClient(KEY, ENDPOINT, transport=httpx.MockTransport(slow)) as client:
        with pytest.raises(SubmissionUnclear):
            submit(client)


def test_no_connection_is_nothing_done(waits: list[float]) -> None:
    with RunPodClient(KEY, ENDPOINT, "http://127.0.0.1:9/v2", sleep=waits.append) as client:
        with pytest.raises(ReelError, match="No connection"):
            submit(client)
    assert len(waits) == ATTEMPTS - 1


def test_a_wrong_key_or_endpoint_says_what_to_correct(plane: Plane) -> None:
    with RunPodClient("secret-1", ENDPOINT, f"{plane.url}/v2") as client:
        with pytest.raises(ReelError, match="REELBALLERS_RUNPOD_API_KEY") as caught:
            client.health()
    assert "secret-1" not in str(caught.value)
    with RunPodClient(KEY, "other", f"{plane.url}/v2") as client:
        with pytest.raises(ReelError, match="REELBALLERS_RUNPOD_ENDPOINT"):
            client.health()
