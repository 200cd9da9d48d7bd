"""create_app: the API and the page as one ASGI application."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from pycore.protocol import MediaInfo, ReelError
from server.api import openapi
from server.api.access import Access
from server.api.auth import Auth
from server.api.metrics import Metrics
from server.api.operations import routes
from server.api.problems import Unexpected, on_http_exception, on_reel_error
from server.api.readiness import Readiness
from server.api.routes import (
    estimates,
    exports,
    jobs,
    media,
    projects,
    storage,
    system,
    tickets,
    tracking,
    webhooks,
)
from server.api.security import Guard
from server.api.services import Services
from server.api.static import Page
from server.api.uploads import Uploads
from server.config import Config
from server.db.attempts import Attempts
from server.db.database import Database
from server.db.fleet import Fleet
from server.db.media import MediaTable
from server.db.owners import Owners
from server.db.projects import Projects
from server.db.tokens import Tokens
from server.db.trash import empty_trash
from server.jobs.manager import JobManager
from server.jobs.routing import Routing
from server.jobs.watch import JobWatch
from server.storage.opening import open_storage

PREFIX = "/api/v1"

OPERATIONS = (
    *projects.OPERATIONS,
    *media.OPERATIONS,
    *exports.OPERATIONS,
    *tracking.OPERATIONS,
    *jobs.OPERATIONS,
    *estimates.OPERATIONS,
    *tickets.OPERATIONS,
    *system.OPERATIONS,
    *storage.OPERATIONS,
    *webhooks.OPERATIONS,
)
"""The route table: all there is under /api/v1."""


def create_app(config: Config, clock: Callable[[], float] = time.time) -> Starlette:
    """The application on a data directory, which is made ready here. `clock` gives Unix seconds."""
    config.prepare()
    database = Database(config.database_url)
    store = open_storage(config, f"{PREFIX}/storage", clock)
    table = MediaTable(database, clock)
    manager, tokens = JobManager(database, clock), Tokens(database, clock)
    fleet, watch = Fleet(database, clock), JobWatch(manager)
    metrics = Metrics(manager, fleet, lambda: watch.count)
    attempts = Attempts(database, clock)
    services = Services(
        config=config,
        database=database,
        storage=store,
        projects=Projects(database, clock),
        media=table,
        uploads=Uploads(config, database, table, store, probe, clock),
        jobs=manager,
        watch=watch,
        fleet=fleet,
        tokens=tokens,
        owners=Owners(database),
        metrics=metrics,
        readiness=Readiness(database, store),
        attempts=attempts,
        routing=Routing(config, fleet, manager, attempts, clock),
        clock=clock,
    )
    if not config.loopback and not tokens.any(valid=True):
        database.close()
        raise _no_token(config.host)
    empty_trash(database, store)
    description = json.dumps(openapi.document(OPERATIONS, PREFIX)).encode()

    async def events(websocket: WebSocket) -> None:
        await jobs.events(services, websocket)

    async def describe(request: Request) -> Response:
        return Response(description, headers={"Cache-Control": "no-cache"}, media_type="application/json")

    async def nowhere(request: Request) -> Response:
        raise HTTPException(404)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        database.close()

    table_of_routes: list[BaseRoute] = [
        *routes(OPERATIONS, services, PREFIX),
        *(WebSocketRoute(PREFIX + each.path, events) for each in OPERATIONS if each.websocket),
        Route("/openapi.json", describe),
        Route("/api/{rest:path}", nowhere),
    ]
    if config.dist is not None:
        table_of_routes.append(Mount("/", Page(config.dist, config.s3.origin if config.s3 else "")))
    app = Starlette(
        routes=table_of_routes,
        middleware=[
            Middleware(Access, metrics=metrics),
            Middleware(Guard, config=config),
            Middleware(Unexpected),
            Middleware(Auth, config=config, tokens=tokens, prefix=PREFIX),
        ],
        exception_handlers={
            ReelError: on_reel_error,
            HTTPException: on_http_exception,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _no_token(host: str) -> ReelError:
    return ReelError.of(
        "auth.no-token",
        "Other machines could reach this server, and it has no token yet",
        f"It is to listen on {host}.",
        "Make one with `reelballers token create NAME` (with the same --data), or use --host 127.0.0.1.",
    )


def probe(path: Path, name: str) -> MediaInfo:
    """What the file is; loads PyAV when it is first needed, so that the API starts fast."""
    from server.video.probe import probe

    return probe(path, name)
