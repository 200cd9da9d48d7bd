"""The real API and worker processes on a data directory, and what a client does with them."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from pycore.protocol import ExportRequest

T = TypeVar("T")

REELBALLERS = Path(sys.executable).with_name("reelballers")
PATIENCE_S = 180.0
"""A limit against hanging on a busy machine, not a bar."""


def await_(what: str, look: Callable[[], T | None], alive: Callable[[], bool] = lambda: True) -> T:
    """The first thing but None and False that `look` gives."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = look()
        if found is not None and found is not False:
            return found
        assert alive(), f"the process ended while waiting for {what}"
        time.sleep(0.02)
    raise AssertionError(f"waited too long for {what}")


class Process:
    """A `reelballers` process; its output goes to `log`."""

    def __init__(self, log: Path, *arguments: str | Path, **environ: str) -> None:
        self.log = log
        self._start = log.stat().st_size if log.exists() else 0
        with log.open("a") as file:
            self._process = subprocess.Popen(
                [REELBALLERS, *arguments], stdout=file, stderr=file, env={**os.environ, **environ}
            )
        self.pid = self._process.pid

    def said(self) -> str:
        """What this process has written."""
        return self.log.read_bytes()[self._start :].decode()

    def alive(self) -> bool:
        return self._process.poll() is None

    def await_line(self, pattern: str) -> re.Match[str]:
        return await_(f"{pattern!r} in {self.log}", lambda: re.search(pattern, self.said()), self.alive)

    def kill(self) -> None:
        """Kills it with no chance to clean up."""
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float) -> int:
        """Its exit code, once it ends by itself; raises subprocess.TimeoutExpired when it does not."""
        return self._process.wait(seconds)

    def end(self) -> int:
        """Asks it to end; its exit code."""
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_S)


def start_worker(data: Path, *options: str, **environ: str) -> Process:
    """A worker that is ready."""
    worker = Process(data.with_suffix(".worker.log"), "worker", "--data", data, *options, **environ)
    worker.await_line(r"worker \d+ is ready")
    return worker


def start_api(data: Path, *options: str | Path, **environ: str) -> tuple[Process, str]:
    """An API that listens, and its URL."""
    log = data.with_suffix(".api.log")
    api = Process(log, "serve", "--port", "0", "--data", data, *options, **environ)
    return api, api.await_line(r"ReelBallers is at (\S+)").group(1)


def export_request(info: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An ExportRequest of the whole picture of a MediaInfo, upscaled to 96x64. `changes` are the clip's, or
    the request's where they name one of its fields."""
    clip = {
        "media_id": info["id"],
        "in_us": 0,
        "out_us": info["duration_us"],
        "crop": {"x": 0, "y": 0, **info["size"]},
    }
    whole = {"size": {"width": 96, "height": 64}}
    known = {field.name for field in dataclasses.fields(ExportRequest)}
    for name, value in changes.items():
        (whole if name in known else clip)[name] = value
    return {"clips": [clip], **whole}


class Api:
    """A client of the API. Answers that are errors fail the test."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self.http = http

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.http.request(method, f"/api/v1/{path}", json=body, **options)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def upload(self, project_id: str, file: Path, name: str = "clip.mp4") -> dict[str, Any]:
        """Creates the project and uploads the file to it; its MediaInfo."""
        output = {"size": {"width": 64, "height": 64}}
        self.call("POST", "projects", {"id": project_id, "name": "Match", "output": output})
        content = file.read_bytes()
        request = {"name": name, "bytes": len(content), "fingerprint": "0123456789abcdef"}
        plan = self.call("POST", f"projects/{project_id}/media", request)
        for part in plan["parts"]:
            piece = content[part["offset"] : part["offset"] + part["bytes"]]
            sent = {"Content-Type": "application/octet-stream"}
            self.http.put(part["url"], content=piece, headers=sent).raise_for_status()
        return self.call("POST", f"projects/{project_id}/media/{plan['media_id']}/completion")

    def export(self, project_id: str, info: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Asks for an export of the whole picture; the job."""
        return self.call("POST", f"projects/{project_id}/exports", export_request(info, **changes))

    def track(self, project_id: str, info: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Asks for tracking of the whole clip; the job."""
        return self.call("POST", f"projects/{project_id}/tracking", {"media_id": info["id"], **changes})

    def job(self, job_id: str) -> dict[str, Any]:
        return self.call("GET", f"jobs/{job_id}")

    def await_state(self, job_id: str, *states: str) -> dict[str, Any]:
        """The job, as soon as it is in one of these states, or final."""

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["state"] in (*states, "succeeded", "failed", "cancelled") else None

        job = await_(f"the job to be {' or '.join(states)}", look)
        assert job["state"] in states, job
        return job

    def result(self, job_id: str) -> bytes:
        answer = self.http.get(f"/api/v1/jobs/{job_id}/result", follow_redirects=True)
        answer.raise_for_status()
        return answer.content


@contextmanager
def running_api(data: Path, *options: str | Path, **environ: str) -> Iterator[Api]:
    """A client of an API process that ends with the context, in good order."""
    process, url = start_api(data, *options, **environ)
    try:
        with httpx.Client(base_url=url, timeout=60) as http:
            yield Api(url, http)
    finally:
        code = process.end()
    assert code == 0, process.said()
    assert "Traceback" not in process.said(), process.said()
