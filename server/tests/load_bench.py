"""The API under load while a job runs: 500 WebSocket watchers who come and go, 50 uploads, 200 queued jobs.

    python -m server.tests.load_bench [WATCHERS UPLOADS JOBS]

Prints what was seen as JSON: `read_p95_ms` of GETs (a job, the list of projects) while all that goes on,
events delivered, gaps in them (there must be none), reconnects. One API process, one worker (niced, cores - 1
threads) and one PostgreSQL share the machine with this client.
"""

import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server.tests import clips
from server.tests.postgres import running_postgres
from server.tests.processes import Api, Process, start_api

READ_EVERY_S = 0.05
UPLOAD_BYTES = 3_000_000
BYTES = {"Content-Type": "application/octet-stream"}


@dataclass
class Seen:
    """What the load came to."""

    reads_ms: list[float] = field(default_factory=list)
    events: int = 0
    gaps: int = 0
    reconnects: int = 0
    finals: int = 0
    uploads: int = 0

    def summary(self) -> dict[str, Any]:
        cuts = statistics.quantiles(self.reads_ms, n=100)
        return {
            "reads": len(self.reads_ms),
            "read_p50_ms": round(cuts[49], 1),
            "read_p95_ms": round(cuts[94], 1),
            "read_p99_ms": round(cuts[98], 1),
            "events": self.events,
            "gaps": self.gaps,
            "reconnects": self.reconnects,
            "finals": self.finals,
            "uploads": self.uploads,
        }


def run(watchers: int, uploads: int, jobs: int, folder: Path) -> dict[str, Any]:
    """Starts everything, loads it until the last job is done, ends everything."""
    clip = clips.make(folder / "clip.mp4", clips.numbered(60, 48, 32), time_base=Fraction(1, 30))
    with running_postgres() as postgres:
        data = folder / "data"
        environ = {"REELBALLERS_DATABASE_URL": postgres.create()}
        process, url = start_api(data, **environ)
        worker = Process(folder / "worker.log", "worker", "--data", data, **environ)
        try:
            worker.await_line(r"worker \d+ is ready")
            with httpx.Client(base_url=url, timeout=60) as http:
                api = Api(url, http)
                info = api.upload("project-1", clip)
                ids = [api.export("project-1", info)["id"] for _ in range(jobs)]
            seen = Seen()
            asyncio.run(_load(url, ids, info, watchers, uploads, seen))
            return seen.summary()
        finally:
            worker.end()
            process.end()


async def _load(
    url: str, ids: list[str], info: dict[str, Any], watchers: int, uploads: int, seen: Seen
) -> None:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as http:
        reading = asyncio.create_task(_read(http, ids, seen))
        async with asyncio.TaskGroup() as group:
            for number in range(watchers):
                group.create_task(_watch(url, ids[number % len(ids)], random.Random(number), seen))
            for number in range(uploads):
                group.create_task(_upload(http, number, seen))
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


async def _read(http: httpx.AsyncClient, ids: list[str], seen: Seen) -> None:
    turn = random.Random(0)
    while True:
        path = turn.choice(["projects", f"jobs/{turn.choice(ids)}"])
        started = time.perf_counter()
        (await http.get(f"/api/v1/{path}")).raise_for_status()
        seen.reads_ms.append(1e3 * (time.perf_counter() - started))
        await asyncio.sleep(READ_EVERY_S)


async def _watch(url: str, job_id: str, turn: random.Random, seen: Seen) -> None:
    """Follows a job to its end, leaving and coming back at random; every event must follow the last."""
    last: int | None = None
    address = url.replace("http", "ws", 1) + f"/api/v1/jobs/{job_id}/events"
    while True:
        patience = turn.uniform(1, 60)
        query = "" if last is None else f"?after={last}"
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with (
                connect(address + query, open_timeout=120) as socket,
                asyncio.timeout(patience),
            ):
                async for message in socket:
                    event = json.loads(message)
                    seen.events += 1
                    if last is not None and event["sequence"] != last + 1:
                        seen.gaps += 1
                    last = event["sequence"]
                    if event["job"]["state"] in ("succeeded", "failed", "cancelled"):
                        seen.finals += 1
                        return
        seen.reconnects += 1


async def _upload(http: httpx.AsyncClient, number: int, seen: Seen) -> None:
    content = random.Random(number).randbytes(UPLOAD_BYTES)
    project = f"upload-{number:04d}"
    output = {"size": {"width": 64, "height": 64}}
    await http.post("/api/v1/projects", json={"id": project, "name": "Load", "output": output})
    request = {"name": "a.mp4", "bytes": len(content), "fingerprint": f"{number:016x}"}
    plan = (await http.post(f"/api/v1/projects/{project}/media", json=request)).raise_for_status().json()
    for part in plan["parts"]:
        piece = content[part["offset"] : part["offset"] + part["bytes"]]
        (await http.put(part["url"], content=piece, headers=BYTES)).raise_for_status()
    plan = (await http.get(f"/api/v1/projects/{project}/media/{plan['media_id']}")).json()
    assert all(part["done"] for part in plan["parts"])
    seen.uploads += 1


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]] or [500, 50, 200]
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(run(numbers[0], numbers[1], numbers[2], Path(name))))
