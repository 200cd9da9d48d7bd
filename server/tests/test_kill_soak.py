"""Soak: a worker killed again and again at moments that nobody chose, even while it starts."""

import re
import subprocess
from pathlib import Path
from random import Random

import pytest

from server.tests.conftest import Running
from server.tests.processes import Process, running_api, start_worker

KILLS = 12
LONGEST_LIFE_S = 6.0
"""About as long as a worker needs to start and make the five segments of the clip."""


@pytest.mark.full
@pytest.mark.parametrize("seed", range(8))
def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    running: Running, tmp_path: Path, clip: Path, seed: int
) -> None:
    undisturbed = running.api.export("project-1", running.info)
    running.api.await_state(undisturbed["id"], "succeeded")
    expected = running.api.result(undisturbed["id"])

    random = Random(seed)
    data = tmp_path / "data"
    with running_api(data) as api:
        start_worker(data).kill()  # the API takes exports from where a worker was seen
        job = api.export("project-1", api.upload("project-1", clip))
        for _ in range(KILLS):
            worker = Process(data.with_suffix(".worker.log"), "worker", "--data", data)
            try:
                worker.wait(random.uniform(0, LONGEST_LIFE_S))
            except subprocess.TimeoutExpired:
                worker.kill()
            else:
                raise AssertionError(f"the worker ended by itself:\n{worker.said()}")
        worker = start_worker(data)
        api.await_state(job["id"], "succeeded")
        assert worker.end() == 0
        assert api.result(job["id"]) == expected
        assert list((data / "tmp").iterdir()) == []
    finished: set[str] = set()
    for index, what in re.findall(r"segment (\d) (starts|done)", worker.log.read_text()):
        assert index not in finished, f"segment {index} {what} again after it was done"
        if what == "done":
            finished.add(index)
    assert finished == set("01234")
