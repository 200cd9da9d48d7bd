"""RunPod as a worker sees it: the steps from the configuration, the way of a job back to this server's own
workers, and the regular look for what runs for nobody."""

import logging
from dataclasses import dataclass
from threading import Event, Thread

from pycore.protocol import ExportResult, ReelError, TrackingResult
from server.config import Config
from server.db.attempts import Attempts
from server.gpu import prices
from server.gpu.base import ExportPlan
from server.gpu.estimates import Work, estimate
from server.gpu.runpod import RunPodClient
from server.gpu.tracking import TrackingPlan
from server.jobs.exports import ExportSteps
from server.jobs.remote import RemoteSteps
from server.jobs.remote_claims import Claims
from server.jobs.remote_errand import ExportErrand, TrackingErrand
from server.jobs.remote_ledger import RemoteLedger
from server.jobs.steps import JobSteps
from server.jobs.tracking import TrackingSteps
from server.storage.signing import UrlSigner

_log = logging.getLogger(__name__)

API = "/api/v1"
SWEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Remote:
    """The steps at RunPod, by kind of job."""

    exports: RemoteSteps[ExportPlan, ExportResult]
    tracking: RemoteSteps[TrackingPlan, TrackingResult]

    @property
    def claims(self) -> Claims:
        return self.exports.claims


def open_remote(
    config: Config, attempts: Attempts, exports: ExportSteps, tracking: TrackingSteps
) -> Remote | None:
    """The steps of jobs at RunPod; None where key, endpoint or bucket are not configured. ReelError for a
    price table that does not fit."""
    settings = config.runpod
    if settings is None or config.s3 is None:
        return None
    table = prices.load_named(settings.pricing)
    table.of(settings.gpu)
    client = RunPodClient(settings.api_key, settings.endpoint, settings.base_url)
    ledger = RemoteLedger(exports.storage, settings, table)
    claims = Claims(exports.storage, attempts, client, ledger, exports.stopping)
    public = settings.public_url
    webhooks = UrlSigner(config.signing_key(), f"{public}{API}") if public else None
    return Remote(
        RemoteSteps(exports, ExportErrand(), attempts, client, ledger, claims, webhooks),
        RemoteSteps(tracking, TrackingErrand(tracking.manager), attempts, client, ledger, claims, webhooks),
    )


def come_home(jobs: JobSteps, job_id: str, work: Work, why: str) -> None:
    """The job is this server's own from now on. What RunPod has made of it stays: only the rest is made
    here."""
    processor = jobs.processor.info()
    made = estimate(processor, work, jobs.fleet.throughput(processor.name, work.net))
    jobs.manager.reroute(job_id, made, f"This machine's {processor.name}: {why}.")
    _log.warning("job %s: goes on here: %s", job_id, why)


def start_sweeping(claims: Claims, stopping: Event) -> None:
    """Looks every SWEEP_SECONDS, and at once, for attempts that run for nobody; in a thread, as RunPod may
    take its time to answer."""

    def sweep() -> None:
        while True:
            try:
                claims.sweep()
            except ReelError as error:
                _log.warning("looking for orphans at RunPod failed: %s", error.problem)
            except Exception:  # noqa: BLE001  the next look may fare better
                _log.exception("looking for orphans at RunPod failed")
            if stopping.wait(SWEEP_SECONDS):
                return

    Thread(target=sweep, name="sweep", daemon=True).start()
