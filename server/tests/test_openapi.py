"""/openapi.json is generated, complete and sound."""

import json
import re
from typing import Any

from pydantic import TypeAdapter

from pycore import protocol
from server.api.main import OPERATIONS, PREFIX
from server.tests.asgi import SyncClient


def test_every_route_is_described(client: SyncClient) -> None:
    document = client.get("/openapi.json").json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(each.method, PREFIX + each.documented_path) for each in OPERATIONS}
    assert len(described) == len(OPERATIONS) > 20


def test_every_described_route_is_there(client: SyncClient) -> None:
    """A method that is not described gets 405, with those that are."""
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        if path.endswith("/events"):
            continue  # a WebSocket
        answer = client.request("PATCH", path.replace("{", "").replace("}", ""))
        assert answer.status_code == 405, path
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed - {"HEAD"} == {method.upper() for method in methods}


def test_the_document_is_sound(client: SyncClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    schemas = document["components"]["schemas"]
    for reference in re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert operation["summary"]
            assert all(response["description"] for response in operation["responses"].values())
            problems = [each for status, each in operation["responses"].items() if status >= "400"]
            assert problems
            assert all(list(each["content"]) == ["application/problem+json"] for each in problems)


def test_the_schemas_are_the_protocols(client: SyncClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for name in (
        "Project",
        "UploadRequest",
        "UploadPlan",
        "MediaInfo",
        "ExportRequest",
        "Job",
        "Estimate",
        "JobEvent",
    ):
        expected = TypeAdapter(getattr(protocol, name)).json_schema(
            ref_template="#/components/schemas/{model}"
        )
        expected.pop("$defs", None)
        assert schemas[name] == expected
        assert schemas[name]["additionalProperties"] is False


def test_it_says_what_bodies_and_answers_are(client: SyncClient) -> None:
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    exports = paths["/api/v1/projects/{id}/exports"]["post"]
    body = exports["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/ExportRequest"}
    assert {"200", "202", "404", "409", "413", "422", "500"} <= set(exports["responses"])
    assert "Idempotency-Key" in [each["name"] for each in exports["parameters"]]
    jobs = paths["/api/v1/jobs"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert jobs == {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}
