"""Who asks. A server bound to loopback is open until its first token is made; any other asks for one.

A token comes as `Authorization: Bearer`; what cannot send a header (WebSockets, downloads) brings a ticket,
good once, for one path. Presigned URLs and signed webhooks carry their own proof. Whoever guesses is slowed
down, by address; each owner has a rate of requests.
"""

import math
from urllib.parse import parse_qs

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pycore.protocol import Problem
from server.api.problems import problem_response
from server.api.rate_limit import RateLimit
from server.config import Config
from server.db.tokens import LOCAL, Tokens

OWNER = "reelballers.owner"
"""The key of a request's owner in its ASGI scope."""

_OPEN = ("/system/health", "/system/ready", "/system/version", "/storage/", "/webhooks/")
_GUESSES = (1 / 6, 10.0)
"""Wrong tokens per second and at once, by address."""


class Auth:
    """ASGI middleware: finds the owner of a request under `prefix`, or refuses it."""

    def __init__(self, app: ASGIApp, config: Config, tokens: Tokens, prefix: str) -> None:
        self._app = app
        self._loopback = config.loopback
        self._tokens = tokens
        self._prefix = prefix
        self._guesses = RateLimit(*_GUESSES)
        self._requests = RateLimit(config.requests_per_second, 4 * config.requests_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._asks(scope["path"]):
            await self._app(scope, receive, send)
            return
        refused = await self._admit(scope)
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the connect message
            await send({"type": "websocket.close", "code": 1008, "reason": refused[0].title})
        else:
            await problem_response(*refused)(scope, receive, send)

    def _asks(self, path: str) -> bool:
        rest = path.removeprefix(self._prefix)
        return rest != path and not rest.startswith(_OPEN)

    async def _admit(self, scope: Scope) -> tuple[Problem, dict[str, str]] | None:
        """Notes the owner in the scope; or the answer to who may not."""
        address = (scope.get("client") or ("",))[0]
        token, ticket = _credentials(scope)
        if token or ticket:
            wait = self._guesses.wait(address)
            if wait:
                return _TOO_MANY_GUESSES, {"Retry-After": str(math.ceil(wait))}
        owner = await to_thread.run_sync(self._owner, token, ticket, scope["path"])
        if owner is None:
            if token or ticket:
                self._guesses.take(address)
            return _WRONG_TOKEN if token or ticket else _NO_TOKEN, {"WWW-Authenticate": "Bearer"}
        if token:
            wait = self._requests.take(owner)
            if wait:
                return _TOO_MANY_REQUESTS, {"Retry-After": str(math.ceil(wait))}
        scope[OWNER] = owner
        return None

    def _owner(self, token: str, ticket: str, path: str) -> str | None:
        if token:
            return self._tokens.owner_of(token)
        if ticket:
            return self._tokens.redeem(ticket, path)
        return LOCAL if self._loopback and not self._tokens.any() else None


def _credentials(scope: Scope) -> tuple[str, str]:
    """(token, ticket) as given; "" where there is none."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip(), ""
    if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
        return "", ""
    return "", parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]


_NO_TOKEN = Problem(
    "auth.required",
    "This server asks for a token",
    hint="Enter the one that `reelballers token create` printed; programs send it as Authorization: Bearer.",
    status=401,
)
_WRONG_TOKEN = Problem(
    "auth.wrong-token",
    "This token does not open the server",
    "It is mistyped, or was revoked; a ticket opens one path, once, within a minute.",
    "Ask who runs the server for a fresh one: `reelballers token create`.",
    401,
)
_TOO_MANY_GUESSES = Problem(
    "auth.too-many-guesses",
    "Too many wrong tokens came from this address",
    hint="Wait a few seconds, then try again.",
    status=429,
)
_TOO_MANY_REQUESTS = Problem(
    "request.too-many",
    "Too many requests",
    "This token's owner has used up what is allowed for the moment.",
    "Wait as long as Retry-After says; REELBALLERS_REQUESTS_PER_SECOND raises the limit.",
    429,
)
