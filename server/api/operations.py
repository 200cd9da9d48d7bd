"""The grammar of the route table: an Operation says what a route takes and gives, as types. Routing,
validation, answers and /openapi.json all follow from it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pycore.protocol import ReelError
from server.api.auth import OWNER
from server.api.problems import invalid_body
from server.api.services import Services
from server.db.documents import adapter
from server.db.tokens import LOCAL

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a handler gets it: whose it is, `path` parameters, `query`, `headers`, and `body` of the
    operation's type."""

    services: Services
    owner: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with another status than the operation's usual one."""

    value: Any
    status: int


Handler = Callable[[Call], Any]
"""Blocks (it runs in a thread), gives a value of the operation's `answer` type, an Answer, or a Response."""

RawHandler = Callable[[Services, Request], Any]
"""async (services, request) -> Response, for bodies that are streamed."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `body` and `answer` are protocol types (None: there is none); `statuses` are
    further good ones; `problems` the statuses of its own problem documents."""

    method: str
    path: str
    summary: str
    tag: str
    handler: Handler | None = None
    raw: RawHandler | None = None
    body: Any = None
    answer: Any = None
    status: int = 200
    statuses: Sequence[int] = ()
    problems: Sequence[int] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    websocket: bool = False

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return _PARAMETER.findall(self.path)

    @property
    def documented_path(self) -> str:
        """The path as OpenAPI writes it."""
        return _PARAMETER.sub(r"{\1}", self.path)


def routes(operations: Sequence[Operation], services: Services, prefix: str) -> list[Route]:
    """One route per path, that answers 405 with all its methods to any other."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        if not operation.websocket:
            paths.setdefault(operation.path, {})[operation.method] = operation
    return [Route(prefix + path, _Endpoint(methods, services)) for path, methods in paths.items()]


class _Endpoint:
    """An ASGI application for one path (a class, so that Starlette leaves the methods to it)."""

    def __init__(self, methods: dict[str, Operation], services: Services) -> None:
        self._methods = methods
        self._services = services

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive, send)
        method = "GET" if request.method == "HEAD" else request.method
        operation = self._methods.get(method)
        if operation is None:
            allowed = [*self._methods, *(["HEAD"] if "GET" in self._methods else [])]
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        response = await self._run(operation, request)
        await response(scope, receive, send)

    async def _run(self, operation: Operation, request: Request) -> Response:
        if operation.raw is not None:
            return await operation.raw(self._services, request)
        assert operation.handler is not None
        body = None
        if operation.body is not None:
            body = parse(operation.body, await read_body(request, self._services.config.max_body_bytes))
        owner: str = request.scope.get(OWNER, LOCAL)
        call = Call(self._services, owner, request.path_params, request.query_params, request.headers, body)
        answer = await run_in_threadpool(_handle, operation.handler, operation.path, call)
        if isinstance(answer, Response):
            return answer
        status = operation.status
        if isinstance(answer, Answer):
            answer, status = answer.value, answer.status
        if operation.answer is None:
            return Response(status_code=status)
        content = adapter(operation.answer).dump_json(answer)
        return Response(content, status, {"Cache-Control": "no-store"}, "application/json")


def _handle(handler: Handler, path: str, call: Call) -> Any:
    check_owner(call.services, call.owner, path, call.path)
    return handler(call)


def check_owner(services: Services, owner: str, path: str, parameters: Mapping[str, str]) -> None:
    """ReelError 404 where the path of a project or job names one that is not this owner's."""
    if path.startswith("/projects/{id}"):
        services.owners.check_project(owner, parameters["id"])
    elif path.startswith("/jobs/{id}"):
        services.owners.check_job(owner, parameters["id"])


def parse(kind: Any, body: bytes) -> Any:
    """The body as an instance of a protocol type. ReelError names the field that does not fit."""
    try:
        return adapter(kind).validate_json(body, strict=True, extra="forbid")
    except ValidationError as error:
        raise ReelError(invalid_body(error)) from None


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. ReelError 413 once it is longer than `limit` bytes."""
    check_length(request, limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_long(limit)
    return bytes(body)


def check_length(request: Request, limit: int) -> None:
    """ReelError 413 where the announced length is beyond the limit."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise too_long(limit)


def too_long(limit: int) -> ReelError:
    return ReelError.of(
        "request.too-long",
        "The body is too long",
        f"At most {limit} bytes are taken here.",
        "Send less.",
        413,
    )
