"""What the routes work with."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from server.api.metrics import Metrics
from server.api.readiness import Readiness
from server.api.uploads import Uploads
from server.config import Config
from server.db.attempts import Attempts
from server.db.database import Database
from server.db.fleet import Fleet
from server.db.media import MediaTable
from server.db.owners import Owners
from server.db.projects import Projects
from server.db.tokens import Tokens
from server.jobs.manager import JobManager
from server.jobs.routing import Routing
from server.jobs.watch import JobWatch
from server.storage.base import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """`clock` gives Unix seconds."""

    config: Config
    database: Database
    storage: Storage
    projects: Projects
    media: MediaTable
    uploads: Uploads
    jobs: JobManager
    watch: JobWatch
    fleet: Fleet
    tokens: Tokens
    owners: Owners
    metrics: Metrics
    readiness: Readiness
    attempts: Attempts
    routing: Routing
    clock: Callable[[], float] = time.time
