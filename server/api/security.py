"""Who may talk to the API, and what browsers may do with its answers.

Who asks is `server.api.auth`'s. Here: web pages of others must not reach the server through a person's
browser. One bound to loopback answers only to loopback names (DNS rebinding), and what changes something, or
opens a WebSocket, must come from our own origin or one that the operator allowed; those get CORS headers.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pycore.protocol import Problem
from server.api.problems import problem_response
from server.config import LOOPBACK, Config

_AUTHORITY = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def page_policy(host: str = "", secure: bool = False, bucket: str = "", api: str = "") -> str:
    """The Content-Security-Policy of the page and its workers; `host` as the browser named us, `bucket` the
    origin that media are sent to and fetched from, `api` the API's, where these are not ours."""
    sockets = f" {'wss' if secure else 'ws'}://{host}" if _AUTHORITY.fullmatch(host) else ""
    if api:
        sockets += f" {api} {api.replace('http', 'ws', 1)}"
    bucket = f" {bucket}" if bucket else ""
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "style-src 'self'",
            "worker-src 'self'",
            f"connect-src 'self'{sockets}{bucket}",  # not all browsers count WebSockets to 'self'
            f"media-src 'self' blob:{bucket}",
            "img-src 'self' data: blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


class Guard:
    """ASGI middleware: refuses foreign hosts and origins, adds the headers that isolate the page."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app = app
        self._any_host = not config.loopback
        self._hosts = {*LOOPBACK, *config.allowed_hosts}
        self._origins = frozenset(config.allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._refuse(scope)
        if scope["type"] == "websocket":
            if problem is not None:
                await receive()  # the connect message
                await send({"type": "websocket.close", "code": 1008, "reason": problem.title})
                return
            await self._app(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin", "").lower()
        allowed = origin if origin in self._origins else ""
        send = _with_headers(scope, send, allowed)
        if allowed and scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
            return
        if problem is not None:
            await problem_response(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refuse(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host, port = _split(headers.get("host", ""), scope["scheme"])
        if not self._any_host and host not in self._hosts:
            return Problem(
                "server.foreign-host",
                "This server does not go by that name",
                f"It is bound to this machine and was addressed as {host[:100]!r}.",
                "Use http://127.0.0.1, or name this address with --allowed-host.",
                421,
            )
        if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is not None and origin.lower() in self._origins:
            return None
        scheme, _, name = (origin or "").partition("://")
        foreign = origin is not None and _split(name, scheme) != (host, port)
        if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return Problem(
                "server.foreign-origin",
                "Another site's page may not do this",
                f"The request comes from {(origin or 'another site')[:100]!r}.",
                "Open the page from this server itself.",
                403,
            )
        return None


def _split(authority: str, scheme: str) -> tuple[str, int | None]:
    """Host (lower case, without brackets) and port of "host[:port]"."""
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    number = int(port) if port.isdecimal() else _DEFAULT_PORTS.get(scheme)
    return host.strip("[]").lower(), number


_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key",
    "Access-Control-Max-Age": "3600",
}


def _with_headers(
    scope: Scope, send: Send, allowed: str
) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
    async def wrapped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if allowed:
                headers["Access-Control-Allow-Origin"] = allowed
                headers["Access-Control-Expose-Headers"] = "Retry-After"
                headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                headers.add_vary_header("Origin")
            for name, value in ISOLATION.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", API_POLICY)
        await send(message)

    return wrapped
