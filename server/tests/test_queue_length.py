"""What a job costs does not grow with the number of jobs that wait."""

import json
import subprocess
import sys

import pytest

from server.tests.postgres import Postgres

SHORT, LONG = 1_000, 100_000
NOISE = 4.0
"""What the machine's other work may make of equal costs; growing with the queue would give a hundred."""


@pytest.mark.full
def test_enqueue_and_claim_cost_the_same_in_a_queue_a_hundred_times_as_long(postgres: Postgres) -> None:
    def measure(length: int) -> dict[str, float]:
        command = [sys.executable, "-m", "server.tests.queue_bench", postgres.create(), str(length)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (found,) = json.loads(done.stdout)
        return found

    short, long = measure(SHORT), measure(LONG)
    assert long["enqueue_ms"] < NOISE * short["enqueue_ms"], (short, long)
    assert long["claims_per_second"] > short["claims_per_second"] / NOISE, (short, long)
