"""Attempts to run jobs at RunPod, and the money in them.

An attempt is on record, with the money set aside, before anything is sent to RunPod. It ends with what it
cost. Records outlive their jobs: what was spent stays spent.
"""

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pycore.protocol import JobState, ReelError
from server.config.runpod import Caps
from server.db.database import Database
from server.db.tables import jobs, remote_attempts
from server.gpu.breaker import Outcome
from server.gpu.router import Allowance

_RECENT = 20
_SLACK_USD = 1e-9


class End(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Because of the job: trying again would not help."""
    FAULT = "fault"
    """Because of RunPod, or of something between."""
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    """It surely never ran."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`remote_id` is None until RunPod's id is known; `nudges` counts the webhooks that came; times are Unix
    seconds."""

    id: str
    job_id: str
    owner: str
    remote_id: str | None
    gpu: str
    cost_usd: float
    nudges: int
    created_at: float
    end: End | None

    @property
    def claim_key(self) -> str:
        """Where its claim lies. Not in the job's folder: a late worker must find it when the job is gone."""
        return f"{CLAIMS}/{self.id}"


CLAIMS = "claims"
MOST_NUDGES = 9
"""Webhooks that one attempt may get: RunPod sends each three times at most, and an attempt may have been sent
to it three times."""


class Attempts:
    """Reads and writes attempts. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def begin(
        self, attempt_id: str, job_id: str, owner: str, gpu: str, cost_usd: float, caps: Caps
    ) -> Attempt:
        """Puts an attempt on record and sets `cost_usd` aside for it. ReelError `route.cap` where a cap does
        not leave that much: two that are begun at once never pass a cap together."""
        with self._database.write("spending") as transaction:
            for each in _allowances(transaction, owner, caps, self._clock()):
                if cost_usd > each.left_usd + _SLACK_USD:
                    raise ReelError.of(
                        "route.cap",
                        "A spending cap is in the way",
                        f"It costs about ${cost_usd:.2f}, and of {each.whose} (${each.cap_usd:.2f}) "
                        f"${max(each.left_usd, 0):.2f} is left.",
                        "Export on this machine, or have the cap raised.",
                        409,
                    )
            transaction.execute(
                sa.insert(remote_attempts).values(
                    id=attempt_id,
                    job_id=job_id,
                    owner=owner,
                    gpu=gpu,
                    cost_usd=cost_usd,
                    created_at=self._clock(),
                )
            )
            return _get(transaction, attempt_id)

    def get(self, attempt_id: str) -> Attempt:
        """ReelError `attempt.not-found`."""
        with self._database.read() as transaction:
            return _get(transaction, attempt_id)

    def of_job(self, job_id: str) -> list[Attempt]:
        """A job's attempts, oldest first."""
        query = sa.select(remote_attempts).where(remote_attempts.c.job_id == job_id)
        with self._database.read() as transaction:
            rows = transaction.execute(query.order_by(remote_attempts.c.created_at, remote_attempts.c.id))
            return [_attempt(row) for row in rows]

    def name(self, attempt_id: str, remote_id: str) -> None:
        """Notes the id of the RunPod job that does this attempt's work."""
        self._update(attempt_id, remote_id=remote_id)

    def nudge(self, attempt_id: str, remote_id: str | None) -> None:
        """A webhook came. It is a reason to look, not a source: of what it says the id alone is taken, and
        only where none is known. ReelError `webhook.spent` for one too many: the attempt is over, or more
        came than RunPod sends."""
        with self._database.write(f"attempt {attempt_id}") as transaction:
            known = _get(transaction, attempt_id)
            if known.end is not None or known.nudges >= MOST_NUDGES:
                raise ReelError.of(
                    "webhook.spent", "This webhook has done its work", "The attempt is over.", status=410
                )
            values: dict[str, Any] = {"nudges": remote_attempts.c.nudges + 1}
            if known.remote_id is None and remote_id and len(remote_id) <= 255:
                values["remote_id"] = remote_id
            transaction.execute(
                sa.update(remote_attempts).where(remote_attempts.c.id == attempt_id).values(**values)
            )

    def end(self, attempt_id: str, end: End, cost_usd: float) -> None:
        """Ends an attempt with what it cost; the first end counts."""
        with self._database.write(f"attempt {attempt_id}") as transaction:
            transaction.execute(
                sa.update(remote_attempts)
                .where(remote_attempts.c.id == attempt_id, remote_attempts.c.outcome.is_(None))
                .values(outcome=end.value, cost_usd=cost_usd, ended_at=self._clock())
            )

    def orphans(self) -> list[Attempt]:
        """Attempts that are open although their job does not want them any more: it is gone, over, or runs
        elsewhere."""
        wanted = sa.select(jobs.c.id).where(
            jobs.c.route == "runpod",
            jobs.c.state.in_([state.value for state in JobState if not state.final]),
        )
        query = sa.select(remote_attempts).where(
            remote_attempts.c.outcome.is_(None), remote_attempts.c.job_id.not_in(wanted)
        )
        with self._database.read() as transaction:
            return [_attempt(row) for row in transaction.execute(query)]

    def spent(self, job_id: str) -> float:
        """What a job's attempts cost together, in dollars."""
        return sum(each.cost_usd for each in self.of_job(job_id))

    def allowances(self, owner: str, caps: Caps) -> list[Allowance]:
        """What each cap leaves now, money set aside counted as spent."""
        with self._database.read() as transaction:
            return _allowances(transaction, owner, caps, self._clock())

    def outcomes(self) -> list[Outcome]:
        """How the latest attempts ended, newest first. One that was cancelled or withdrawn tells nothing of
        RunPod and is left out."""
        told = remote_attempts.c.outcome.is_(None) | remote_attempts.c.outcome.not_in(
            [End.CANCELLED.value, End.WITHDRAWN.value]
        )
        order = (remote_attempts.c.ended_at.is_(None).desc(), remote_attempts.c.ended_at.desc())
        query = sa.select(remote_attempts.c.outcome, remote_attempts.c.ended_at).where(told)
        with self._database.read() as transaction:
            rows = transaction.execute(query.order_by(*order).limit(_RECENT)).all()
        return [Outcome(row.ended_at, row.outcome == End.FAULT.value) for row in rows]

    def _update(self, attempt_id: str, **values: Any) -> None:
        with self._database.write(f"attempt {attempt_id}") as transaction:
            transaction.execute(
                sa.update(remote_attempts).where(remote_attempts.c.id == attempt_id).values(**values)
            )


def _allowances(transaction: sa.Connection, owner: str, caps: Caps, now: float) -> list[Allowance]:
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    found = []
    for whose, cap, since, who in (
        ("your cap for today", caps.user_day_usd, day, owner),
        ("your cap for this month", caps.user_month_usd, month, owner),
        ("this server's cap for today", caps.day_usd, day, None),
        ("this server's cap for this month", caps.month_usd, month, None),
    ):
        if cap is not None:
            query = sa.select(sa.func.coalesce(sa.func.sum(remote_attempts.c.cost_usd), 0.0))
            # what is open belongs to today, whenever it began
            query = query.where(
                (remote_attempts.c.created_at >= since.timestamp()) | remote_attempts.c.outcome.is_(None)
            )
            if who is not None:
                query = query.where(remote_attempts.c.owner == who)
            found.append(Allowance(whose, cap, cap - float(transaction.execute(query).scalar_one())))
    return found


def _get(transaction: sa.Connection, attempt_id: str) -> Attempt:
    row = transaction.execute(sa.select(remote_attempts).where(remote_attempts.c.id == attempt_id)).first()
    if row is None:
        raise ReelError.of("attempt.not-found", "There is no such attempt", status=404)
    return _attempt(row)


def _attempt(row: Any) -> Attempt:
    end = None if row.outcome is None else End(row.outcome)
    return Attempt(
        row.id, row.job_id, row.owner, row.remote_id, row.gpu, row.cost_usd, row.nudges, row.created_at, end
    )
