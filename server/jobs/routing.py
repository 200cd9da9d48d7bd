"""What the router is asked with: each processor's estimate by what was measured, what is busy, and what may
be spent."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pycore.protocol import Estimate, Processor, ProcessorKind, Route
from server.config import Config
from server.config.runpod import RunPodSettings
from server.db.attempts import Attempts
from server.db.fleet import Fleet
from server.gpu import prices
from server.gpu.breaker import distrust
from server.gpu.estimates import Work, estimate, estimate_remote
from server.gpu.router import Candidate, Choice, Policy, choose, mark_recommended
from server.jobs.manager import JobManager

NO_BUCKET = "RunPod needs a bucket: set REELBALLERS_S3_*; the deploy guide says how."
NO_WORKER = "No worker is running that could send it: start one with `reelballers worker`."


@dataclass(frozen=True, slots=True)
class Routing:
    """`clock` gives Unix seconds."""

    config: Config
    fleet: Fleet
    jobs: JobManager
    attempts: Attempts
    clock: Callable[[], float] = time.time

    def estimates(self, owner: str, work: Work) -> list[Estimate]:
        """What the work would take on each processor, the recommended one marked."""
        return mark_recommended(self.candidates(work), self.policy(owner))

    def choose(self, owner: str, asked: Route, work: Work) -> Choice:
        """Where such a job runs. ReelError `route.*`."""
        return choose(asked, self.candidates(work), self.policy(owner))

    def candidates(self, work: Work) -> list[Candidate]:
        """This server's processors, and RunPod where it is configured."""
        busy = self.jobs.busy(self.fleet.count())
        local = [
            estimate(processor, work, self.fleet.throughput(processor.name, work.net))
            for processor in self.fleet.processors()
        ]
        found = [Candidate(each, busy) for each in local]
        settings = self.config.runpod
        if settings is not None:
            found.append(Candidate(self._remote(settings, work)))
        return found

    def processors(self) -> list[Processor]:
        """All processors, as people see them."""
        settings = self.config.runpod
        remote = [] if settings is None else [self._processor(settings, prices.load_named(settings.pricing))]
        return [*self.fleet.processors(), *remote]

    def policy(self, owner: str) -> Policy:
        """What an owner may spend now, and whether RunPod is trusted."""
        settings = self.config.runpod
        if settings is None:
            return Policy()
        allowances = self.attempts.allowances(owner, settings.caps)
        return Policy(allowances, distrust(self.attempts.outcomes(), self.clock()))

    def _remote(self, settings: RunPodSettings, work: Work) -> Estimate:
        table = prices.load_named(settings.pricing)
        gpu = table.of(settings.gpu)
        measured = [self.fleet.throughput(device, work.net) for device in gpu.devices]
        return estimate_remote(
            self._processor(settings, table),
            table,
            settings.gpu,
            work,
            measured=min((each for each in measured if each), default=None),
            active=settings.active,
        )

    def _processor(self, settings: RunPodSettings, table: prices.Prices) -> Processor:
        reason = NO_BUCKET if self.config.s3 is None else "" if self.fleet.count() else NO_WORKER
        name = f"RunPod {table.of(settings.gpu).label}"
        return Processor(ProcessorKind.RUNPOD, name, not reason, reason)
