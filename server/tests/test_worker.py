"""Jobs in the real worker process: killed, cancelled, repeated, watched."""

import hashlib
import json
import re
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from dbos import DBOSClient
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from server.tests.conftest import Running
from server.tests.processes import Process, await_, export_request, running_api, start_worker


def test_an_export(running: Running) -> None:
    """The whole way, and what is told about it."""
    job = running.api.export("project-1", running.info)
    assert (job["state"], job["name"], job["project_id"]) == ("queued", "Match", "project-1")
    done = running.api.await_state(job["id"], "succeeded")
    result = done["result"]
    content = running.api.result(job["id"])
    assert (result["bytes"], result["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (done["progress"], done["seconds_left"], done["error"]) == (1.0, None, None)
    assert result["frames"] == 150
    assert result["seconds"] > 0
    assert result["fps"] == pytest.approx(150 / result["seconds"])
    assert result["out_size"] == {"width": 96, "height": 64}
    assert (result["has_audio"], result["model"], result["actual_cost_usd"]) == (True, "quick", 0.0)
    assert result["device"] == done["processor"]["name"]
    assert result["estimated_seconds"] == job["estimate"]["seconds"]
    with av.open(BytesIO(content), "r") as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 96, 64)
        assert sum(1 for _ in container.decode(video)) == 150
    kept = sorted(path.name for path in (running.data / "storage/objects/jobs" / job["id"]).iterdir())
    assert kept == ["result.json", "result.mp4"]


def test_a_range_of_it(running: Running) -> None:
    job = running.api.export("project-1", running.info, in_us=1_000_000, out_us=1_500_000)
    done = running.api.await_state(job["id"], "succeeded")
    assert (done["result"]["frames"], done["result"]["duration_us"]) == (15, 500_000)


def test_the_download_has_a_name(running: Running) -> None:
    job = running.api.export("project-1", running.info, in_us=0, out_us=100_000)
    running.api.await_state(job["id"], "succeeded")
    answer = running.api.http.get(f"/api/v1/jobs/{job['id']}/result")
    assert answer.status_code == 303
    answer = running.api.http.get(answer.headers["location"], headers={"Range": "bytes=4-7"})
    assert (answer.status_code, answer.content) == (206, b"ftyp")
    assert 'filename="Match-96x64.mp4"' in answer.headers["content-disposition"]
    assert answer.headers["content-type"] == "video/mp4"


def test_estimates_rest_on_what_was_measured(running: Running) -> None:
    job = running.api.export("project-1", running.info, in_us=0, out_us=400_000)
    running.api.await_state(job["id"], "succeeded")
    clip = {"duration_us": 5_000_000, "fps": 30, "crop": {"x": 0, "y": 0, "width": 48, "height": 32}}
    request = {"clips": [clip], "size": {"width": 96, "height": 64}}
    (estimate,) = running.api.call("POST", "estimates", request)
    assert estimate["basis"] == "measured on this machine"
    assert (estimate["recommended"], estimate["cost_usd"], estimate["frames"]) == (True, 0.0, 150)
    (processor,) = running.api.call("GET", "system/capabilities")["processors"]
    assert (processor["available"], processor["name"]) == (True, estimate["processor"]["name"])


def test_deleting_a_job_deletes_its_files(running: Running) -> None:
    job = running.api.export("project-1", running.info, in_us=0, out_us=100_000)
    running.api.await_state(job["id"], "succeeded")
    folder = running.data / "storage/objects/jobs" / job["id"]
    assert folder.is_dir()
    running.api.call("DELETE", f"jobs/{job['id']}")
    assert not folder.exists()
    assert running.api.http.get(f"/api/v1/jobs/{job['id']}").status_code == 404
    assert job["id"] not in [each["id"] for each in running.api.call("GET", "jobs")]


# Idempotency


def test_the_same_key_makes_one_job(running: Running) -> None:
    headers = {"Idempotency-Key": "key-1"}
    body = export_request(running.info, out_us=100_000)
    another = export_request(running.info, out_us=200_000)
    path = "/api/v1/projects/project-1/exports"
    first = running.api.http.post(path, json=body, headers=headers)
    second = running.api.http.post(path, json=body, headers=headers)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    running.api.await_state(first.json()["id"], "succeeded")
    third = running.api.http.post(path, json=body, headers=headers)
    assert (third.status_code, third.json()["state"]) == (200, "succeeded")
    other = running.api.http.post(path, json=another, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "job.idempotency-key")
    unkeyed = running.api.http.post(path, json=body)
    assert unkeyed.status_code == 202
    assert unkeyed.json()["id"] != first.json()["id"]
    running.api.await_state(unkeyed.json()["id"], "succeeded")


# Events


def _events(
    running: Running, job_id: str, after: int | None = None
) -> AbstractContextManager[ClientConnection]:
    address = running.api.url.replace("http", "ws", 1) + f"/api/v1/jobs/{job_id}/events"
    return connect(address + (f"?after={after}" if after is not None else ""), open_timeout=60)


def _until_closed(socket: ClientConnection) -> list[dict[str, Any]]:
    """All that comes until the other side closes in good order."""
    return [json.loads(message) for message in socket]


def test_events_from_the_first_to_the_last(running: Running) -> None:
    job = running.api.export("project-1", running.info)
    with _events(running, job["id"]) as socket:
        events = _until_closed(socket)
        assert socket.close_code == 1000
    sequences = [event["sequence"] for event in events]
    assert sequences == [event["job"]["sequence"] for event in events]
    assert sequences == list(range(sequences[0], sequences[-1] + 1))
    states = [event["job"]["state"] for event in events]
    assert sorted(set(states), key=states.index) in (
        ["queued", "running", "succeeded"],
        ["running", "succeeded"],
    )
    progress = [event["job"]["progress"] for event in events]
    assert progress == sorted(progress)
    assert len(set(progress)) > 2
    assert events[-1]["job"] == running.api.job(job["id"])


def test_a_broken_connection_goes_on_where_it_was(running: Running) -> None:
    job = running.api.export("project-1", running.info)
    with _events(running, job["id"]) as socket:
        seen = [json.loads(socket.recv(60)) for _ in range(2)]
    with _events(running, job["id"], after=seen[-1]["sequence"]) as socket:
        later = _until_closed(socket)
    sequences = [event["sequence"] for event in seen + later]
    assert sequences == sorted(set(sequences))
    assert later[-1]["job"]["state"] == "succeeded"
    with _events(running, job["id"], after=later[-1]["sequence"]) as socket:
        assert _until_closed(socket) == []
    with _events(running, job["id"], after=10**9) as socket:
        assert _until_closed(socket) == []
    with _events(running, job["id"]) as socket:
        assert [event["job"]["state"] for event in _until_closed(socket)] == ["succeeded"]


def test_many_may_watch_one_job(running: Running) -> None:
    job = running.api.export("project-1", running.info)
    with ExitStack() as stack:
        sockets = [stack.enter_context(_events(running, job["id"])) for _ in range(5)]
        ends = [_until_closed(socket)[-1] for socket in sockets]
    assert all(end == ends[0] for end in ends)
    assert ends[0]["job"]["state"] == "succeeded"


def test_an_api_that_is_asked_to_end_lets_watchers_go_on_elsewhere(tmp_path: Path, clip: Path) -> None:
    """They are told at once (1012: the service restarts), and the next process goes on where they were."""
    data = tmp_path / "data"
    with running_api(data) as api:
        start_worker(data).kill()  # the API takes exports from where a worker was seen
        job = api.export("project-1", api.upload("project-1", clip), in_us=0, out_us=200_000)
        address = api.url.replace("http", "ws", 1) + f"/api/v1/jobs/{job['id']}/events"
        stack = ExitStack()
        socket = stack.enter_context(connect(address, open_timeout=60))
        first = json.loads(socket.recv(60))
    with stack, pytest.raises(ConnectionClosedError) as closed:
        socket.recv(60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    with running_api(data) as api:
        worker = start_worker(data)
        address = api.url.replace("http", "ws", 1) + f"/api/v1/jobs/{job['id']}/events"
        with connect(f"{address}?after={first['sequence']}", open_timeout=60) as socket:
            later = _until_closed(socket)
        assert worker.end() == 0
    sequences = [event["sequence"] for event in [first, *later]]
    assert sequences == list(range(first["sequence"], sequences[-1] + 1))
    assert later[-1]["job"]["state"] == "succeeded"


def test_events_of_nothing(running: Running) -> None:
    with _events(running, "nothing") as socket, pytest.raises(ConnectionClosedError) as closed:
        socket.recv(60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404


# Cancelling


def test_cancelling_a_running_job_stops_it_within_a_segment(running: Running) -> None:
    # Large enough for a segment to take many seconds: it has to be left in the middle.
    job = running.api.export("project-1", running.info, size={"width": 2048, "height": 1366})
    running.worker.await_line(f"job {job['id']}: segment 0 starts")
    cancelled = running.api.call("POST", f"jobs/{job['id']}/cancellation")
    assert cancelled["state"] == "running"
    done = running.api.await_state(job["id"], "cancelled")
    assert (done["result"], done["error"]) == (None, None)
    assert f"job {job['id']}: segment 0 done" not in running.worker.said()
    assert not (running.data / "storage/objects/jobs" / job["id"]).exists()
    assert running.api.call("POST", f"jobs/{job['id']}/cancellation")["state"] == "cancelled"
    assert running.api.http.get(f"/api/v1/jobs/{job['id']}/result").json()["code"] == "job.no-result"


def test_cancelling_a_queued_job(running: Running) -> None:
    first = running.api.export("project-1", running.info)
    second = running.api.export("project-1", running.info)
    assert running.api.call("POST", f"jobs/{second['id']}/cancellation")["state"] == "cancelled"
    busy = running.api.http.delete("/api/v1/projects/project-1")
    assert (busy.status_code, busy.json()["code"]) == (409, "project.busy")
    active = running.api.http.delete(f"/api/v1/jobs/{first['id']}")
    assert (active.status_code, active.json()["code"]) == (409, "job.active")
    running.api.await_state(first["id"], "succeeded")
    last = running.api.export("project-1", running.info, in_us=0, out_us=100_000)
    running.api.await_state(last["id"], "succeeded")
    assert f"job {second['id']}" not in running.worker.said()


# Failures


def test_a_source_that_breaks_fails_the_job_with_words(running: Running) -> None:
    job = running.api.export("project-1", running.info, size={"width": 512, "height": 342})
    media = running.data / "storage/objects/projects/project-1/media" / running.info["id"] / "clip.mp4"
    running.worker.await_line(f"job {job['id']}: segment 0 starts")
    content = media.read_bytes()
    media.write_bytes(b"no video any more")
    try:
        failed = running.api.await_state(job["id"], "failed")
    finally:
        media.write_bytes(content)
    assert failed["error"]["code"].startswith("media.")
    assert "clip.mp4" in failed["error"]["detail"]
    assert failed["error"]["hint"]
    assert not (running.data / "storage/objects/jobs" / job["id"]).exists()


def test_two_workers_do_not_share_a_data_directory(running: Running) -> None:
    second = Process(running.data.with_suffix(".second.log"), "worker", "--data", running.data)
    await_("the second worker to end", lambda: not second.alive())
    assert second.end() != 0
    assert "A worker is running on this data directory already" in second.said()
    assert str(running.worker.pid) in second.said()
    assert "Traceback" not in second.said()


# Killed


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(
    running: Running, tmp_path: Path, clip: Path
) -> None:
    undisturbed = running.api.export("project-1", running.info)
    running.api.await_state(undisturbed["id"], "succeeded")
    expected = running.api.result(undisturbed["id"])

    data = tmp_path / "data"
    with running_api(data) as api:
        worker = start_worker(data)
        job = api.export("project-1", api.upload("project-1", clip))
        for moment in ("planned", "segment 0 starts", "segment 1 done", "segment 3 starts", "joining"):
            worker.await_line(f"job {job['id']}: {moment}")
            worker.kill()
            worker = start_worker(data)
        done = api.await_state(job["id"], "succeeded")
        assert worker.end() == 0
        assert api.result(job["id"]) == expected
        assert done["result"]["sha256"] == hashlib.sha256(expected).hexdigest()
    history = re.findall(r"segment (\d) (starts|done)", worker.log.read_text())
    finished: set[str] = set()
    for index, what in history:
        assert index not in finished, f"segment {index} {what} again after it was done: {history}"
        if what == "done":
            finished.add(index)
    starts = Counter(index for index, what in history if what == "starts")
    assert set(starts) == set("01234")
    assert starts["0"] >= 2  # it was interrupted: what the kill hit was repeated


def test_asked_to_end_in_mid_segment_it_goes_at_once_and_loses_nothing(tmp_path: Path, clip: Path) -> None:
    data = tmp_path / "data"
    with running_api(data) as api:
        worker = start_worker(data)
        info = api.upload("project-1", clip)
        job = api.export("project-1", info, in_us=0, out_us=1_500_000)
        worker.await_line(f"job {job['id']}: segment 0 starts")
        assert worker.end() == 0
        assert api.job(job["id"])["state"] == "running"
        (processor,) = api.call("GET", "system/capabilities")["processors"]
        assert not processor["available"]
        assert "reelballers worker" in processor["reason"]
        refused = api.http.post("/api/v1/projects/project-1/exports", json=export_request(info))
        assert (refused.status_code, refused.json()["code"]) == (409, "route.unavailable")
        worker = start_worker(data)
        assert api.await_state(job["id"], "succeeded")["result"]["frames"] == 45
        assert worker.end() == 0
        assert list((data / "tmp").iterdir()) == []


def test_a_job_whose_workflow_died_elsewhere_does_not_run_for_ever(tmp_path: Path, clip: Path) -> None:
    data = tmp_path / "data"
    with running_api(data) as api:
        worker = start_worker(data)
        info = api.upload("project-1", clip)
        job = api.export("project-1", info, size={"width": 512, "height": 342})
        worker.await_line(f"job {job['id']}: segment 0 starts")
        client = DBOSClient(system_database_url=f"sqlite:///{data / 'workflows.sqlite'}")
        client.cancel_workflow(job["id"])
        client.destroy()
        failed = api.await_state(job["id"], "failed")
        assert failed["error"]["code"] == "job.worker-died"
        assert "CANCELLED" in failed["error"]["detail"]
        after = api.export("project-1", info, in_us=0, out_us=100_000)
        api.await_state(after["id"], "succeeded")
        assert worker.end() == 0


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.test"}, {"Host": "evil.test"}])
def test_another_sites_page_does_not_watch(running: Running, headers: dict[str, str]) -> None:
    host = running.api.url.removeprefix("http://")
    lines = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    lines |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", **headers}
    answer = running.api.http.get("/api/v1/jobs/nothing/events", headers=lines)
    assert answer.status_code == 403


def test_players_are_looked_for(running: Running) -> None:
    """Tracking in the real worker: nobody is in this clip, and the document says so."""
    api = running.api.http
    body = {"media_id": running.info["id"], "in_us": 0, "out_us": 200_000}
    answer = api.post("/api/v1/projects/project-1/tracking", json=body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["kind"], job["state"], job["estimate"]["frames"]) == ("tracking", "queued", 6)
    done = running.api.await_state(job["id"], "succeeded")
    assert (done["tracked"]["frames"], done["result"]) == (6, None)
    listed = api.get("/api/v1/projects/project-1/tracking").json()
    assert [each["id"] for each in listed] == [job["id"]]
    found = json.loads(running.api.result(job["id"]))
    assert found["size"] == running.info["size"]
    assert (len(found["times_us"]), len(found["tracks"])) == (6, done["tracked"]["players"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"in_us": 9_000_000_000}, 422, "tracking.empty-range"),
        ({"in_us": 5, "out_us": 5}, 422, "tracking.empty-range"),
        ({"media_id": "none"}, 404, "media.not-found"),
        ({"route": "runpod"}, 409, "route.unavailable"),
    ],
)
def test_what_cannot_be_tracked_is_refused_at_once(
    running: Running, body: dict[str, Any], status: int, code: str
) -> None:
    asked = {"media_id": running.info["id"], **body}
    answer = running.api.http.post("/api/v1/projects/project-1/tracking", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
