"""Schemathesis over /openapi.json: whatever is sent, it is answered, and never with a 5xx; every other time
it is about a project, a file and a job that are there."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.schemas import OpenApiSchema

from pycore.protocol import ReelError
from server.api.main import OPERATIONS, PREFIX, create_app
from server.config import Config
from server.tests.job_bench import Bench, furnish, open_bench

_SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


@dataclass(frozen=True)
class Described:
    """The API without tokens: all that it has is within reach."""

    schema: OpenApiSchema
    bench: Bench

    def furnished(self) -> dict[str, str]:
        """What paths may name: a project, its file and a queued job, whatever became of those before."""
        with contextlib.suppress(ReelError):  # changed meanwhile, but there
            furnish(self.bench.database, self.bench.storage)
        queued = [job for job in self.bench.manager.newest("project-1") if not job.state.final]
        return {"project": "project-1", "media_id": "media-1", "job": (queued or [self.bench.job()])[0].id}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    config = Config(data=folder / "data", allowed_hosts=("testserver",))
    config.prepare()
    with open_bench(folder, config.database_url) as bench:
        yield Described(schemathesis.openapi.from_asgi("/openapi.json", create_app(config)), bench)


@pytest.mark.parametrize(
    ("method", "path"),
    [(each.method, PREFIX + each.documented_path) for each in OPERATIONS if not each.websocket],
)
def test_nothing_makes_it_fail(described: Described, method: str, path: str) -> None:
    @given(case=described.schema[path][method].as_strategy(), there=st.booleans())
    @settings(max_examples=25, deadline=None, suppress_health_check=_SLOW)
    def run(case: schemathesis.Case, there: bool) -> None:
        if there and case.path_parameters:
            present = described.furnished()
            kind = "job" if path.startswith(f"{PREFIX}/jobs/") else "project"
            for name in case.path_parameters:
                case.path_parameters[name] = present.get(name, present[kind])
        answer = case.call()
        case.validate_response(answer, checks=[not_a_server_error])
        assert answer.status_code < 500

    run()
