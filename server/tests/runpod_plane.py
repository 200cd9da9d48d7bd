"""A stand-in for RunPod's control plane: the client's side (/v2/ENDPOINT/...) and the worker's side, which
the unmodified `runpod` worker loop speaks. It keeps RunPod's rules as far as they are documented: states,
policies, results that expire, a dead worker's job that goes to the next one; and it misbehaves when told.
"""

import asyncio
import contextlib
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Literal

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.config.s3 import S3Settings

KEY = "rpa_test"
ENDPOINT = "endpoint-1"
POLL_S = 5.0
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")

Call = Literal["run", "status", "stream", "cancel", "health"]
Trouble = Literal["429", "500", "hang up", "done, but hang up", "done, but 502", "garbage"]


@dataclass
class PlaneJob:
    """A job on the plane. `taken_by`: each worker that got it, in order."""

    id: str
    input: Any
    policy: dict[str, int]
    webhook: str | None
    created: float
    status: str = "IN_QUEUE"
    output: Any = None
    error: Any = None
    began: float | None = None
    execution_ms: int = 0
    delay_ms: int = 0
    taken_by: list[str] = field(default_factory=list)
    stream: deque[Any] = field(default_factory=deque)
    progress: list[Any] = field(default_factory=list)

    def public(self) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.began is not None:
            found["delayTime"] = self.delay_ms
            found["workerId"] = self.taken_by[-1] if self.taken_by else ""
        if self.execution_ms:
            found["executionTime"] = self.execution_ms
        for name in ("output", "error"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        return found


class Plane:
    """The plane's state and its switches; all methods may be called from any thread.

    `troubles[call]` are met by the next calls of that kind, one each. `webhooks`: how often each is sent;
    `answers`: what they were answered with. `late_progress`: progress posted by workers shows only after the
    job is over, over its output.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, PlaneJob] = {}
        self.troubles: dict[Call, deque[Trouble]] = {}
        self.webhooks = 1
        self.answers: list[int] = []
        self.late_progress = False
        self.calls: list[tuple[str, str]] = []
        self.url = ""
        self._queue: deque[str] = deque()
        self._stops: dict[str, deque[str]] = {}
        self._lock = threading.RLock()

    # What tests do

    def forget(self) -> None:
        """Empty and well-behaved again, at the same address."""
        url = self.url
        self.__init__()
        self.url = url

    def trouble(self, call: Call, kind: Trouble, times: int = 1) -> None:
        self.troubles.setdefault(call, deque()).extend(repeat(kind, times))

    def asked(self, call: Call) -> int:
        """How often the client made that call."""
        return sum(1 for kind, _ in self.calls if kind == call)

    def expire(self, remote_id: str) -> None:
        """The job's result has been kept for long enough."""
        with self._lock:
            del self.jobs[remote_id]

    def lose_worker(self, worker: str) -> None:
        """Its heartbeat has stopped: what it had goes back to the queue."""
        with self._lock:
            for job in self.jobs.values():
                if job.status == "IN_PROGRESS" and job.taken_by[-1] == worker:
                    job.status = "IN_QUEUE"
                    self._queue.appendleft(job.id)

    def only(self) -> PlaneJob:
        """The one job that there is."""
        (job,) = self.jobs.values()
        return job

    def take(self, worker: str = "scripted") -> PlaneJob | None:
        """What a worker gets when it asks for a job."""
        with self._lock:
            self._expire_old()
            while self._queue:
                job = self.jobs.get(self._queue.popleft())
                if job is not None and job.status == "IN_QUEUE":
                    job.status, job.began = "IN_PROGRESS", time.time()
                    job.delay_ms = round(1000 * (job.began - job.created))
                    job.taken_by.append(worker)
                    return job
        return None

    def post(self, remote_id: str, body: dict[str, Any]) -> None:
        """What a worker tells: progress, or how it ended. Nothing that is over changes any more."""
        with self._lock:
            job = self.jobs.get(remote_id)
            if job is None:
                return
            if body.get("status") == "IN_PROGRESS":
                job.progress.append(body.get("output"))
                if job.status == "IN_PROGRESS" and not self.late_progress:
                    job.output = body.get("output")
                return
            if job.status != "IN_PROGRESS":
                return
            job.output, job.error = body.get("output"), body.get("error")
            if self.late_progress and job.progress:
                job.output = job.progress[-1]
            self._end(job, "FAILED" if "error" in body else "COMPLETED")

    # RunPod's rules

    def submit(self, body: dict[str, Any]) -> PlaneJob:
        with self._lock:
            job = PlaneJob(
                id=f"{uuid.uuid4()}-u1",
                input=body["input"],
                policy={"executionTimeout": 600_000, "ttl": 86_400_000, **body.get("policy", {})},
                webhook=body.get("webhook"),
                created=time.time(),
            )
            self.jobs[job.id] = job
            self._queue.append(job.id)
            return job

    def cancel(self, job: PlaneJob) -> None:
        with self._lock:
            if job.status not in FINAL:
                self._stop_worker(job)
                self._end(job, "CANCELLED")

    def stops(self, worker: str) -> list[str]:
        with self._lock:
            waiting = self._stops.setdefault(worker, deque())
            found = [*waiting]
            waiting.clear()
            return found

    def tick(self) -> None:
        """Ends what has run for too long."""
        with self._lock:
            for job in self.jobs.values():
                ran = time.time() - (job.began or 0)
                if job.status == "IN_PROGRESS" and 1000 * ran > job.policy["executionTimeout"]:
                    self._stop_worker(job)
                    self._end(job, "TIMED_OUT")

    def _expire_old(self) -> None:
        for job in [*self.jobs.values()]:
            if job.status == "IN_QUEUE" and 1000 * (time.time() - job.created) > job.policy["ttl"]:
                del self.jobs[job.id]

    def _stop_worker(self, job: PlaneJob) -> None:
        if job.status == "IN_PROGRESS":
            self._stops.setdefault(job.taken_by[-1], deque()).append(job.id)

    def _end(self, job: PlaneJob, status: str) -> None:
        job.status = status
        if job.began is not None:
            job.execution_ms = max(round(1000 * (time.time() - job.began)), 1)
        if job.webhook:
            told = (job.webhook, job.public(), self.answers)
            for _ in range(self.webhooks):
                threading.Thread(target=_deliver, args=told, daemon=True).start()

    def health(self) -> dict[str, Any]:
        names = {
            "IN_QUEUE": "inQueue",
            "IN_PROGRESS": "inProgress",
            "COMPLETED": "completed",
            "FAILED": "failed",
        }
        with self._lock:
            states = [job.status for job in self.jobs.values()]
        return {
            "jobs": {name: states.count(state) for state, name in names.items()},
            "workers": {"idle": 0, "running": states.count("IN_PROGRESS")},
        }


DELIVERIES = 3
"""How often a webhook is sent that nothing but 200 answers. RunPod waits ten seconds in between."""


def _deliver(url: str, body: dict[str, Any], answers: list[int]) -> None:
    for _ in range(DELIVERIES):
        with contextlib.suppress(httpx.HTTPError):
            answers.append(httpx.post(url, json=body, timeout=10).status_code)
            if answers[-1] == 200:
                return


def application(plane: Plane) -> Starlette:
    """Both sides as one ASGI application."""

    def client_side(
        call: Call, work: Callable[[Request, Any], dict[str, Any] | None]
    ) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return JSONResponse({"error": "unauthorized"}, 401)
            if request.path_params["endpoint"] != ENDPOINT:
                return JSONResponse({"error": "endpoint not found"}, 404)
            plane.calls.append((call, request.path_params.get("id", "")))
            body = await request.body()
            waiting = plane.troubles.get(call)
            trouble = waiting.popleft() if waiting else None
            match trouble:
                case "429":
                    return JSONResponse({"error": "too many requests"}, 429, {"Retry-After": "0"})
                case "500":
                    return JSONResponse({"error": "internal"}, 500)
                case "hang up":
                    return HangUp()
            found = work(request, json.loads(body) if body else None)
            match trouble:
                case "done, but hang up":
                    return HangUp()
                case "done, but 502":
                    return Response("Bad gateway", 502)
                case "garbage":
                    return Response("<html>", 200)
            return JSONResponse(found, 200) if found else JSONResponse({"error": "job not found"}, 404)

        return endpoint

    def by_id(work: Callable[[PlaneJob], dict[str, Any]]) -> Callable[[Request, Any], dict[str, Any] | None]:
        def look(request: Request, body: Any) -> dict[str, Any] | None:
            plane.tick()
            job = plane.jobs.get(request.path_params["id"])
            return None if job is None else work(job)

        return look

    def streamed(job: PlaneJob) -> dict[str, Any]:
        some = [{"output": each} for each in job.stream]
        job.stream.clear()
        return {"status": job.status, "stream": some}

    def cancelled(job: PlaneJob) -> dict[str, Any]:
        plane.cancel(job)
        return job.public()

    async def take(request: Request) -> Response:
        until = time.monotonic() + POLL_S
        while time.monotonic() < until and not await request.is_disconnected():  # a dead worker takes nothing
            job = plane.take(request.path_params["worker"])
            if job is not None:
                return JSONResponse({"id": job.id, "input": job.input})
            await asyncio.sleep(0.02)
        return Response(status_code=204)

    async def stop(request: Request) -> Response:
        until = time.monotonic() + POLL_S
        while time.monotonic() < until:
            plane.tick()
            if found := plane.stops(request.path_params["worker"]):
                return JSONResponse({"jobsToStop": found})
            await asyncio.sleep(0.02)
        return Response(status_code=204)

    async def done(request: Request) -> Response:
        plane.post(request.path_params["id"], json.loads(await request.body()))
        return Response("ok")

    async def stream(request: Request) -> Response:
        plane.jobs[request.path_params["id"]].stream.append(json.loads(await request.body()))
        return Response("ok")

    async def ping(request: Request) -> Response:
        return Response("ok")

    client = "/v2/{endpoint}"
    return Starlette(
        routes=[
            Route(
                f"{client}/run", client_side("run", lambda r, b: _brief(plane.submit(b))), methods=["POST"]
            ),
            Route(f"{client}/status/{{id}}", client_side("status", by_id(lambda job: job.public()))),
            Route(f"{client}/stream/{{id}}", client_side("stream", by_id(streamed))),
            Route(f"{client}/cancel/{{id}}", client_side("cancel", by_id(cancelled)), methods=["POST"]),
            Route(f"{client}/health", client_side("health", lambda r, b: plane.health())),
            Route("/worker/job-take/{worker}", take),
            Route("/worker/job-stop/{worker}", stop),
            Route("/worker/job-done/{worker}/{id}", done, methods=["POST"]),
            Route("/worker/job-stream/{worker}/{id}", stream, methods=["POST"]),
            Route("/worker/ping/{worker}", ping),
        ]
    )


def _brief(job: PlaneJob) -> dict[str, Any]:
    return {"id": job.id, "status": "IN_QUEUE"}


class HangUp(Response):
    """Announces a body and ends the connection without it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionResetError("as told")


@contextmanager
def running_plane() -> Iterator[Plane]:
    """A plane that listens on this machine; `url` is its address."""
    plane = Plane()
    config = uvicorn.Config(application(plane), "127.0.0.1", 0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="plane")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the plane did not start"
            time.sleep(0.01)
        (port,) = (socket.getsockname()[1] for each in server.servers for socket in each.sockets)
        plane.url = f"http://127.0.0.1:{port}"
        yield plane
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def server_environment(plane: Plane, bucket: S3Settings, gpu: str) -> dict[str, str]:
    """What sets up a server for the plane, with this bucket and GPU class."""
    return {
        "REELBALLERS_S3_ENDPOINT": bucket.endpoint,
        "REELBALLERS_S3_BUCKET": bucket.bucket,
        "REELBALLERS_S3_ACCESS_KEY_ID": bucket.access_key_id,
        "REELBALLERS_S3_SECRET_ACCESS_KEY": bucket.secret_access_key,
        "REELBALLERS_S3_PREFIX": bucket.prefix,
        "REELBALLERS_RUNPOD_API_KEY": KEY,
        "REELBALLERS_RUNPOD_ENDPOINT": ENDPOINT,
        "REELBALLERS_RUNPOD_URL": f"{plane.url}/v2",
        "REELBALLERS_RUNPOD_GPU": gpu,
    }


def worker_environment(plane: Plane, worker: str) -> dict[str, str]:
    """What RunPod sets for a worker, leading to the plane. The SDK appends "&name=value": hence the query."""
    base = f"{plane.url}/worker"
    return {
        "RUNPOD_POD_ID": worker,
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=test",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=test",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=test",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
        "RUNPOD_AI_API_KEY": "worker-key",
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",  # they measure the network to the world and the host's disk
        "RUNPOD_SKIP_GPU_CHECK": "true",
    }
