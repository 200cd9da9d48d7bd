"""/openapi.json (OpenAPI 3.1), generated from the route table and the protocol's types."""

import http
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from server import __version__
from server.api.operations import Operation
from server.api.problems import MEDIA_TYPE
from server.db.documents import adapter

_REFERENCE = "#/components/schemas/{model}"

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details. `code` is stable and for programs; `hint` says what to do.",
    "properties": {
        "type": {"type": "string", "examples": ["urn:reelballers:media.not-a-video"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
        "code": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "hint", "code"],
}


def document(operations: Sequence[Operation], prefix: str) -> dict[str, Any]:
    """The whole document."""
    kinds = {
        repr(kind): kind for operation in operations for kind in (operation.body, operation.answer) if kind
    }
    inputs: list[tuple[str, Any, TypeAdapter[Any]]] = [
        (name, "validation", adapter(kind)) for name, kind in kinds.items()
    ]
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
    by_kind = {name: schemas[name, "validation"] for name in kinds}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(prefix + operation.documented_path, {})
        path[operation.method.lower()] = _operation(operation, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ReelBallers",
            "version": __version__,
            "description": "Errors are RFC 9457 problem documents. Unknown keys in bodies are refused.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {**definitions.get("$defs", {}), "ProblemDocument": PROBLEM}},
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [_parameter(name, "path", "", True) for name in operation.parameters]
    parameters += [_parameter(name, "query", text, False) for name, text in operation.query.items()]
    parameters += [_parameter(name, "header", text, False) for name, text in operation.headers.items()]
    good: dict[str, Any] = {"description": _phrase(operation.status)}
    if operation.answer is not None:
        good["content"] = {"application/json": {"schema": schemas[repr(operation.answer)]}}
    problem = {"schema": {"$ref": _REFERENCE.format(model="ProblemDocument")}}
    usual = (400, 413, 422) if operation.body is not None else ()
    responses: dict[str, Any] = {str(operation.status): good}
    responses |= {str(status): {**good, "description": _phrase(status)} for status in operation.statuses}
    for status in sorted({*operation.problems, *usual, 403, 421, 500}):
        responses[str(status)] = {"description": _phrase(status), "content": {MEDIA_TYPE: problem}}
    described: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}{operation.documented_path}".replace("/", ".")
        .replace("{", "")
        .replace("}", ""),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": responses,
    }
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": schemas[repr(operation.body)]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameter(name: str, place: str, description: str, required: bool) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": required, "schema": {"type": "string"}}
    return parameter | ({"description": description} if description else {})


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase
