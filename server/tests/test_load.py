"""Many at once: nobody misses an event, nothing fails. How fast it is tells `server.tests.load_bench`."""

from pathlib import Path

import pytest

from server.tests.load_bench import run


@pytest.mark.parametrize(
    ("watchers", "uploads", "jobs"), [(30, 4, 6), pytest.param(500, 50, 200, marks=pytest.mark.full)]
)
def test_watchers_who_come_and_go_miss_nothing(
    tmp_path: Path, watchers: int, uploads: int, jobs: int
) -> None:
    seen = run(watchers, uploads, jobs, tmp_path)
    assert (seen["finals"], seen["uploads"], seen["gaps"]) == (watchers, uploads, 0)
    assert seen["reads"] > 0
