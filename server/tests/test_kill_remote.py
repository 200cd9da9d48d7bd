"""A worker that follows exports at RunPod, killed (SIGKILL) once before and once after every durable write
and every submission: each job is sent, run and paid once. All parts are real but RunPod's control plane."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from server.config.s3 import S3Settings
from server.db.attempts import Attempts, End
from server.db.database import Database
from server.storage.s3 import client
from server.tests.dying_worker import DyingWorker
from server.tests.processes import Api, await_, export_request, running_api
from server.tests.runpod_plane import Plane, running_plane, server_environment
from server.tests.runpod_worker import running_worker

LENGTH_US = 200_000


@dataclass
class Installation:
    """An API, a bucket and a GPU worker of RunPod's; `start` makes this server's worker."""

    api: Api
    plane: Plane
    data: Path
    environ: dict[str, str]
    bucket: S3Settings
    info: dict[str, Any]
    ending: ExitStack
    jobs: list[str] = field(default_factory=list)

    def start(self, dies_at: str = "") -> DyingWorker:
        worker = DyingWorker(self.data.with_name("worker.log"), self.data, dies_at, self.environ)
        self.ending.callback(worker.end)
        return worker

    def ask(self) -> str | None:
        """None while no worker is there that could send it."""
        body = export_request(self.info, out_us=LENGTH_US, route="runpod")
        answer = self.api.http.post("/api/v1/projects/project-1/exports", json=body)
        if answer.status_code == 409 and answer.json()["code"] == "route.unavailable":
            return None
        self.jobs.append(answer.raise_for_status().json()["id"])
        return self.jobs[-1]

    def keep_one_waiting(self) -> None:
        if self.api.job(self.jobs[-1])["state"] != "queued":
            self.ask()

    def left(self) -> list[str]:
        """What lies in the bucket beside media, results and claims."""
        listed = client(self.bucket).list_objects_v2(Bucket=self.bucket.bucket, Prefix=self.bucket.prefix)
        keys = [each["Key"] for each in listed.get("Contents", [])]
        kept = r"/media/|/claims/|/(result\.mp4|result\.json|remote\.json)$"
        return [key for key in keys if not re.search(kept, key)]


@pytest.fixture
def installation(tmp_path: Path, seaweed: S3Settings, clip: Path) -> Iterator[Installation]:
    bucket = replace(seaweed, prefix="kill-remote/")
    with ExitStack() as stack:
        plane = stack.enter_context(running_plane())
        environ = {**server_environment(plane, bucket, "l4"), "REELBALLERS_THREADS": "1"}
        data = tmp_path / "data"
        api = stack.enter_context(running_api(data, **environ))
        environ["REELBALLERS_PUBLIC_URL"] = api.url
        stack.enter_context(running_worker(plane, "pod", tmp_path, bucket))
        yield Installation(api, plane, data, environ, bucket, api.upload("project-1", clip), stack)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_killed_before_and_after_every_durable_write(installation: Installation) -> None:
    api, plane = installation.api, installation.plane
    worker = installation.start()
    api.await_state(await_("a worker", installation.ask, worker.alive), "succeeded")
    expected = api.result(installation.jobs[0])
    worker.await_line("boundary: after update_workflow_outcome")
    assert worker.end() == 0
    passed = list(dict.fromkeys(re.findall(r"boundary: (.*)", worker.said())))
    assert "after submit" in passed
    assert f"before end {End.SUCCEEDED}" in passed

    def died() -> bool:
        installation.keep_one_waiting()
        return not worker.alive()

    deaths = deque(reversed(passed))  # from the last to the first: so no job meets many
    while deaths:
        name = deaths.popleft()
        worker = installation.start(name)
        await_(f"a death at {name}", died)
        assert f"boundary: dies {name}" in worker.said(), worker.said()
    worker = installation.start()
    for job in installation.jobs:
        api.await_state(job, "succeeded")
        assert api.result(job) == expected
    assert worker.end() == 0
    said = installation.data.with_name("worker.log").read_text()
    assert len(re.findall("boundary: dies", said)) == len(passed)
    assert "Traceback" not in said

    urls = " ".join(each.input["output_url"] for each in plane.jobs.values())
    sent = Counter(re.findall(r"/jobs/([0-9a-f]+)/result", urls))
    assert sent == Counter(installation.jobs), "a job was sent twice, or never"
    assert {each.status for each in plane.jobs.values()} == {"COMPLETED"}
    assert not any(each.output.get("duplicate_of") for each in plane.jobs.values())
    database = Database(f"sqlite:///{installation.data / 'reelballers.sqlite'}")
    attempts = Attempts(database)
    for job in installation.jobs:
        (attempt,) = attempts.of_job(job)
        assert attempt.end is End.SUCCEEDED
        assert api.job(job)["result"]["actual_cost_usd"] == attempt.cost_usd > 0
    assert attempts.orphans() == []
    database.close()
    assert installation.left() == []
