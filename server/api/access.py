"""What is known of each request: an id, which goes into all that is logged about it, a line, and figures."""

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import logs
from server.api.metrics import Metrics

_log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
HEADER = "X-Request-Id"


class Access:
    """ASGI middleware. A proxy's X-Request-Id is taken over; the answer carries the id."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with logs.about(request=request_id):
            try:
                await self._app(scope, receive, watched)
            finally:
                seconds = time.perf_counter() - started
                method = scope.get("method", "WEBSOCKET")
                self._metrics.request(method, route_of(scope), status, seconds)
                fields = {"status": status, "ms": round(1e3 * seconds, 1)}
                _log.info("%s %s", method, scope["path"], extra={"fields": fields})


def route_of(scope: Scope) -> str:
    """The route's path as the table has it, so that figures do not grow with the number of jobs."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "other"
