"""An export at RunPod through all real parts: API and worker processes, a bucket, and the unmodified handler
in the real `runpod` loop. RunPod's control plane alone is a stand-in."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pycore.protocol import ModelName
from server.api.main import OPERATIONS
from server.config import Config
from server.config.s3 import S3Settings
from server.db.database import Database
from server.db.fleet import Fleet
from server.jobs.remote import ATTEMPTS
from server.tests.processes import Api, Process, await_, export_request, running_api, start_worker
from server.tests.runpod_plane import KEY, Plane, Trouble, running_plane, server_environment
from server.tests.runpod_worker import running_worker


@dataclass
class Installation:
    """A server that is set up for RunPod, with the clip uploaded to project "project-1"."""

    api: Api
    plane: Plane
    worker: Process
    data: Path
    info: dict[str, object]


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, seaweed: S3Settings, clip: Path
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("whole")
    with ExitStack() as stack:
        plane = stack.enter_context(running_plane())
        bucket = replace(seaweed, prefix="whole")
        environ = {**server_environment(plane, bucket, "l4"), "REELBALLERS_CAP_DAY_USD": "1.00"}
        data = folder / "data"
        api = stack.enter_context(running_api(data, **environ))
        # webhooks lead to the API, whose port is known only now
        worker = start_worker(data, **environ, REELBALLERS_PUBLIC_URL=api.url)
        stack.callback(worker.end)
        yield Installation(api, plane, worker, data, api.upload("project-1", clip))


def test_time_and_cost_are_told_before(installation: Installation) -> None:
    clip = {"duration_us": 60_000_000, "fps": 30, "crop": {"x": 0, "y": 0, "width": 608, "height": 1080}}
    body = {"clips": [clip], "size": {"width": 1080, "height": 1920}}
    local, remote = installation.api.call("POST", "estimates", body)
    assert (local["route"], local["cost_usd"]) == ("local", 0.0)
    assert (remote["route"], remote["processor"]["name"]) == ("runpod", "RunPod L4")
    assert remote["cost_usd"] > 0
    assert remote["recommended"] or not remote["processor"]["available"]
    video = {"size": {"width": 1920, "height": 1080}, "duration_us": 60_000_000, "fps": 30}
    local, remote = installation.api.call("POST", "estimates/tracking", video)
    assert (local["route"], local["cost_usd"], local["frames"]) == ("local", 0.0, 1800)
    assert (remote["route"], remote["processor"]["name"]) == ("runpod", "RunPod L4")
    assert remote["cost_usd"] > 0


def test_an_export_at_runpod(installation: Installation, seaweed: S3Settings) -> None:
    api, plane = installation.api, installation.plane
    job = api.export("project-1", installation.info, route="runpod")
    assert (job["estimate"]["route"], job["reason"]) == ("runpod", "RunPod L4, as asked.")
    with running_worker(plane, "pod-1", installation.data.parent, seaweed) as pod:
        done = api.await_state(job["id"], "succeeded")
        assert pod.alive()
    result = done["result"]
    content = api.result(job["id"])
    assert (result["bytes"], result["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (result["frames"], result["out_size"]) == (150, {"width": 96, "height": 64})
    assert result["device"].startswith("RunPod ")
    assert result["actual_cost_usd"] > 0
    assert result["estimated_cost_usd"] == job["estimate"]["cost_usd"]
    assert len(plane.jobs) == 1
    webhook = plane.only().webhook
    assert webhook is not None
    assert webhook.startswith(f"{api.url}/api/v1/webhooks/runpod/")
    assert KEY not in installation.worker.said()
    assert "X-Amz-Signature" not in installation.worker.said()


def test_an_export_through_all_that_goes_wrong_on_the_way(
    installation: Installation, seaweed: S3Settings
) -> None:
    """Overload, lost answers, errors and garbage, webhooks that come twice, progress that comes too late."""
    api, plane = installation.api, installation.plane
    before, asked = set(plane.jobs), plane.asked("run")
    troubles: tuple[Trouble, ...] = ("500", "hang up", "garbage", "429")
    for trouble in troubles:
        plane.trouble("status", trouble)
    plane.trouble("run", "429")
    plane.trouble("run", "done, but hang up")
    plane.webhooks, plane.late_progress = 2, True
    job = api.export("project-1", installation.info, out_us=200_000, route="runpod")
    with running_worker(plane, "pod-3", installation.data.parent, seaweed):
        done = api.await_state(job["id"], "succeeded")
    plane.webhooks, plane.late_progress = 1, False
    assert done["result"]["frames"] == 6
    assert done["result"]["device"].startswith("RunPod ")
    assert (len(set(plane.jobs) - before), plane.asked("run") - asked) == (1, 2)
    assert not any(plane.troubles.values()), "all of it has been met"


def test_tracking_at_runpod(installation: Installation, seaweed: S3Settings) -> None:
    """The document is the one that this machine's own worker makes; what was learned of the speed is used."""
    api, plane = installation.api, installation.plane
    body = {"media_id": installation.info["id"], "in_us": 0, "out_us": 2_000_000}
    here = api.call("POST", "projects/project-1/tracking", {**body, "route": "local"})
    assert (here["estimate"]["route"], here["estimate"]["cost_usd"]) == ("local", 0.0)
    api.await_state(here["id"], "succeeded")
    before = set(plane.jobs)
    job = api.call("POST", "projects/project-1/tracking", {**body, "route": "runpod"})
    assert (job["estimate"]["route"], job["reason"]) == ("runpod", "RunPod L4, as asked.")
    assert job["estimate"]["cost_usd"] > 0
    with running_worker(plane, "pod-2", installation.data.parent, seaweed):
        done = api.await_state(job["id"], "succeeded")
    (remote,) = set(plane.jobs) - before
    assert (plane.jobs[remote].input["task"], done["result"]) == ("track", None)
    tracked = done["tracked"]
    assert (tracked["frames"], tracked["bytes"]) == (60, len(api.result(job["id"])))
    assert tracked["device"].startswith("RunPod ")
    assert tracked["actual_cost_usd"] > 0
    assert tracked["estimated_cost_usd"] == job["estimate"]["cost_usd"]
    assert json.loads(api.result(job["id"])) == json.loads(api.result(here["id"]))
    again = api.call("POST", "projects/project-1/tracking", {**body, "route": "local"})
    assert again["estimate"]["basis"] == "measured on this machine"
    api.await_state(again["id"], "succeeded")


def test_a_job_that_is_at_fault_itself_fails(installation: Installation) -> None:
    api, plane = installation.api, installation.plane
    before = set(plane.jobs)
    job = api.export("project-1", installation.info, route="runpod")
    remote = await_("the job", lambda: plane.take("scripted"))
    plane.post(remote.id, {"error": '{"code": "media.damaged", "title": "Damaged", "status": 422}'})
    failed = api.await_state(job["id"], "failed")
    assert failed["error"]["code"] == "media.damaged"
    assert len(set(plane.jobs) - before) == 1


def test_where_runpod_fails_a_job_that_may_goes_on_here(installation: Installation) -> None:
    api, plane = installation.api, installation.plane
    database = Database(f"sqlite:///{installation.data / 'reelballers.sqlite'}")
    (device,) = (each["name"] for each in capabilities(api) if each["kind"] == "cpu")
    for _ in range(40):  # a new figure counts half: so slow that RunPod is worth its price
        Fleet(database).record_throughput(device, ModelName.QUICK, 1.0)
    database.close()
    job = api.export("project-1", installation.info)
    assert job["estimate"]["route"] == "runpod"
    for _ in range(ATTEMPTS):
        remote = await_("the job", lambda: plane.take("scripted"))
        plane.post(remote.id, {"error": "CUDA error"})
    done = api.await_state(job["id"], "succeeded")
    assert done["reason"].startswith("This machine's ")
    assert "CUDA error" in done["reason"]
    assert done["processor"]["name"] == done["result"]["device"] == device
    assert done["result"]["actual_cost_usd"] > 0, "the attempts had their price"
    refused = api.http.post("/api/v1/projects/project-1/exports", json=forced(installation))
    assert refused.status_code == 409, "the circuit breaker leaves RunPod alone now"
    assert "in a row" in refused.json()["detail"]


def capabilities(api: Api) -> list[dict[str, str]]:
    return api.call("GET", "system/capabilities")["processors"]


def forced(installation: Installation) -> dict[str, object]:
    return export_request(installation.info, route="runpod")


def test_a_forged_webhook_is_refused(installation: Installation) -> None:
    path = "/api/v1/webhooks/runpod/0123456789abcdef?expires=99999999999&signature=00"
    assert installation.api.http.post(path, json={"id": "x"}).status_code == 403


def test_secrets_are_nowhere_but_in_the_environment(installation: Installation, seaweed: S3Settings) -> None:
    """After all that went on above: not in logs, in no row of either database, and in no answer."""
    api, data = installation.api, installation.data
    paths = [operation.path for operation in OPERATIONS if operation.method == "GET" and not operation.raw]
    answers = ["/", "/openapi.json"]
    for job in api.call("GET", "jobs"):
        named = {"{id}": "project-1", "{media_id}": str(installation.info["id"])}
        for path in paths:
            if not path.endswith(("/events", "/result")):
                path = path.replace("/jobs/{id}", f"/jobs/{job['id']}")
                for name, value in named.items():
                    path = path.replace(name, value)
                answers.append(f"/api/v1{path}")
    told = {path: api.http.get(path).content for path in dict.fromkeys(answers)}
    kept = {str(path): path.read_bytes() for path in data.glob("*.sqlite*")}
    said = {str(path): path.read_bytes() for path in data.parent.glob("*.log")}
    assert len(kept) >= 2
    assert {"data.api.log", "data.worker.log", "pod-1.log"} <= {Path(path).name for path in said}
    signing_key = Config(data).signing_key()
    secrets = (KEY.encode(), seaweed.secret_access_key.encode(), signing_key, signing_key.hex().encode())
    for where, content in {**told, **kept, **said}.items():
        assert not [secret for secret in secrets if secret in content], where
        assert b"X-Amz-Signature=" not in content.replace(b"X-Amz-Signature=***", b""), where
        assert not re.search(rb"[?&]signature=[0-9a-f]{16}", content), where
