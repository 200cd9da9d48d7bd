"""Schemathesis over /openapi.json: whatever is sent, it is answered, and never with a 5xx."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.schemas import OpenApiSchema
from starlette.testclient import TestClient

from server.api.main import OPERATIONS, PREFIX, create_app
from server.config import Config

PROJECT = {"id": "project-1", "name": "Match", "output": {"size": {"width": 64, "height": 64}}}


_SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> OpenApiSchema:
    """The API without tokens: all that it has is within reach."""
    data: Path = tmp_path_factory.mktemp("fuzz") / "data"
    return schemathesis.openapi.from_asgi(
        "/openapi.json", create_app(Config(data=data, allowed_hosts=("testserver",)))
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [(each.method, PREFIX + each.documented_path) for each in OPERATIONS if not each.websocket],
)
def test_nothing_makes_it_fail(described: OpenApiSchema, method: str, path: str) -> None:
    @given(case=described[path][method].as_strategy())
    @settings(max_examples=25, deadline=None, suppress_health_check=_SLOW)
    def run(case: schemathesis.Case) -> None:
        if path.startswith(f"{PREFIX}/projects/{{id}}") and len(str(case.path_parameters["id"])) % 2:
            case.path_parameters["id"] = PROJECT["id"]  # one that is there, every other time
            TestClient(described.app).post(f"{PREFIX}/projects", json=PROJECT)
        answer = case.call()
        case.validate_response(answer, checks=[not_a_server_error])
        assert answer.status_code < 500

    run()
