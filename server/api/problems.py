"""Every error as an RFC 9457 problem document."""

import asyncio
import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pycore.protocol import Problem, ReelError

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as the API tells it."""
    document = {
        "type": f"urn:reelballers:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "hint": problem.hint,
        "code": problem.code,
    }
    return Response(json.dumps(document), problem.status, headers, MEDIA_TYPE)


def http_problem(status: int, detail: str = "") -> Problem:
    """The problem for an HTTP status that needs no words of its own."""
    hints = {
        404: "Look up the address in /openapi.json.",
        405: "Look up the methods of this address in /openapi.json.",
    }
    phrase = HTTPStatus(status).phrase
    return Problem(f"http.{status}", phrase, detail, hints.get(status, ""), status)


def invalid_body(error: ValidationError) -> Problem:
    """Names the first field that is wrong, and why."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return Problem(
            "request.not-json", "The body is no JSON", first["msg"] + ".", "Send a JSON document.", 400
        )
    place = "body" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
    more = error.error_count() - 1
    return Problem(
        "request.invalid",
        "The request does not fit",
        f"{place}: {first['msg']}." + (f" {more} more." if more else ""),
        "Correct the named field; /openapi.json has the types.",
        422,
    )


async def on_reel_error(request: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, ReelError)
    return problem_response(error.problem)


async def on_http_exception(request: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"{request.scope.get('method', 'GET')} {request.url.path}"
    return problem_response(http_problem(error.status_code, detail), error.headers)


class Unexpected:
    """ASGI middleware: an error that nobody foresaw goes to the log, and out as a problem that tells
    nothing of it. So does a request that the server, which is to end, waits for no longer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if scope["type"] != "http" or started:
                raise
            await problem_response(_ENDING, {"Retry-After": "1"})(scope, receive, send)
        except Exception:
            if scope["type"] != "http" or started:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await problem_response(_INTERNAL)(scope, receive, send)


_ENDING = Problem(
    "server.ending",
    "The server is being restarted",
    "It waited for the request for a moment, then no longer.",
    "Send it again.",
    503,
)
_INTERNAL = Problem(
    "server.internal",
    "The server failed for a reason that we did not foresee",
    hint="The server's log has the details. Try again; if it happens again, please report it.",
    status=500,
)
