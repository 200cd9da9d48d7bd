"""system: is it alive, is it ready, what can it do."""

from dataclasses import dataclass

from starlette.responses import Response

from pycore.protocol import ServerInfo
from server import __version__
from server.api.metrics import CONTENT_TYPE
from server.api.operations import Call, Operation
from server.gpu.models.descriptor import available


@dataclass(frozen=True, slots=True)
class Status:
    """`status` is "ok"; anything else comes as a problem document."""

    status: str


@dataclass(frozen=True, slots=True)
class Version:
    version: str


def health(call: Call) -> Status:
    return Status("ok")


def ready(call: Call) -> Status:
    """Reads the database and writes to the storage."""
    call.services.readiness.check()
    return Status("ok")


def capabilities(call: Call) -> ServerInfo:
    services = call.services
    models = [model.info() for model in available()]
    return ServerInfo(__version__, services.routing.processors(), models, services.config.max_upload_bytes)


def metrics(call: Call) -> Response:
    return Response(call.services.metrics.text(), media_type=CONTENT_TYPE)


def version(call: Call) -> Version:
    return Version(__version__)


OPERATIONS = (
    Operation("GET", "/system/health", "Is the process alive?", "system", health, answer=Status),
    Operation(
        "GET",
        "/system/ready",
        "Can it do its work? 503 if not.",
        "system",
        ready,
        answer=Status,
        problems=(503,),
    ),
    Operation(
        "GET",
        "/system/capabilities",
        "Which processors and models there are, and what an upload may have.",
        "system",
        capabilities,
        answer=ServerInfo,
    ),
    Operation(
        "GET",
        "/system/metrics",
        "Figures for Prometheus: requests, watchers, jobs, workers, speeds.",
        "system",
        metrics,
    ),
    Operation("GET", "/system/version", "This program's version.", "system", version, answer=Version),
)
