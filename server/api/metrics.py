"""Figures for Prometheus: requests, watchers, jobs, workers, speeds."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from server.db.fleet import Fleet
from server.jobs.manager import JobManager

CONTENT_TYPE = CONTENT_TYPE_LATEST
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "WEBSOCKET")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """One process's figures, and those of the database that all share, read when they are asked for."""

    def __init__(self, manager: JobManager, fleet: Fleet, watchers: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "reelballers_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "reelballers_request_seconds",
            "Time until the answer was sent",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Shared(manager, fleet, watchers))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one; a WebSocket's time is how long it stayed, and is left out."""
        method = method if method in _METHODS else "other"  # a client may send any word
        self._requests.labels(method, route, str(status)).inc()
        if method != "WEBSOCKET":
            self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)


class _Shared(Collector):
    def __init__(self, manager: JobManager, fleet: Fleet, watchers: Callable[[], int]) -> None:
        self._manager = manager
        self._fleet = fleet
        self._watchers = watchers

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is read from the database at registration

    def collect(self) -> Iterable[Metric]:
        watchers = self._watchers()
        yield GaugeMetricFamily("reelballers_watchers", "WebSockets that follow jobs here", value=watchers)
        yield GaugeMetricFamily("reelballers_workers", "Workers alive", value=self._fleet.count())
        jobs = GaugeMetricFamily("reelballers_jobs", "Jobs that are not over", labels=("state",))
        for state, count in self._manager.counts().items():
            jobs.add_metric([state], count)
        yield jobs
        speed = GaugeMetricFamily(
            "reelballers_pixels_per_second", "Measured speed of a model", labels=("device", "model")
        )
        for device, model, pixels in self._fleet.speeds():
            speed.add_metric([device, model], pixels)
        yield speed
