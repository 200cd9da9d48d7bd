"""What asking for a job and claiming one costs while many others wait. Prints one line of JSON; a process of
its own, because DBOS is one per process.

    python -m server.tests.queue_bench DATABASE_URL LENGTH...

Per length of the queue: `enqueue_ms`, one more job (asked for, and handed to the queue);
`claims_per_second`, how fast one worker takes jobs that do nothing.
"""

import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, SetWorkflowID

from server.jobs.worker import QUEUE, VERSION
from server.tests.job_bench import Bench, open_bench

SAMPLES = 40
CLAIMING_S = 4.0
_TABLES = (
    ("jobs", "id"),
    ("dbos.workflow_status", "workflow_uuid"),
    ("dbos.workflow_input", "workflow_uuid"),
)


def main(url: str, lengths: list[int]) -> None:
    claimed: list[float] = []
    going = threading.Event()

    @DBOS.workflow(name="export")
    def export(job_id: str) -> None:
        if going.is_set():
            claimed.append(time.monotonic())

    DBOS(
        config={
            "name": "reelballers",
            "system_database_url": url,
            "application_version": VERSION,
            "executor_id": "bench",
            "log_level": "ERROR",
            "enable_otlp": False,
        }
    )
    DBOS.launch()
    with tempfile.TemporaryDirectory() as folder, open_bench(Path(folder), url) as bench:
        found = [_measure(bench, url, length, export, claimed, going) for length in lengths]
    DBOS.destroy()
    print(json.dumps(found))


def _measure(
    bench: Bench, url: str, length: int, workflow: Any, claimed: list[float], going: threading.Event
) -> dict[str, float]:
    def give(job_id: str) -> None:
        with SetWorkflowID(job_id):
            DBOS.enqueue_workflow(QUEUE, workflow, job_id)

    first = bench.job().id
    bench.manager.hand_over(give)
    _multiply(url, first, length)
    enqueued = []
    for _ in range(SAMPLES):
        started = time.perf_counter()
        bench.job()
        bench.manager.hand_over(give)
        enqueued.append(time.perf_counter() - started)
    going.set()
    claimed.clear()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=0.001)
    time.sleep(CLAIMING_S)
    going.clear()
    took = len(claimed)
    return {
        "length": length,
        "enqueue_ms": 1e3 * statistics.median(enqueued),
        "claims_per_second": took / CLAIMING_S,
    }


def _multiply(url: str, job_id: str, length: int) -> None:
    """Copies of a queued job, in our table and in DBOS's."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for table, key in _TABLES:
            schema, _, name = table.rpartition(".")
            columns = [
                each["name"] for each in sa.inspect(connection).get_columns(name, schema=schema or None)
            ]
            taken = [f"'{length}-' || number" if each == key else f'"{each}"' for each in columns]
            names = ", ".join(f'"{each}"' for each in columns)
            connection.exec_driver_sql(
                f"INSERT INTO {table} ({names}) SELECT {', '.join(taken)} "
                f"FROM {table}, generate_series(1, {length}) AS number WHERE {key} = '{job_id}'"
            )
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], [int(each) for each in sys.argv[2:]])
