"""What the workers tell the API: which processor they have, that they are alive, and how fast each model
was."""

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from pycore.protocol import Processor, ProcessorKind
from server.db.database import Database
from server.db.documents import dump, load
from server.db.tables import throughput, workers

HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS = 15.0
"""A worker that was not heard of for so long counts as gone."""

NO_WORKER = Processor(
    ProcessorKind.CPU, "this server", False, "No worker is running: start one with `reelballers worker`."
)


class Fleet:
    """The workers and their measured speed. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def heartbeat(self, worker: str, processor: Processor) -> None:
        """Says that a worker is there, with this processor."""
        values = {"processor": dump(processor), "heartbeat_at": self._now()}
        with self._database.write(f"worker {worker}") as transaction:
            known = transaction.execute(sa.update(workers).where(workers.c.id == worker).values(**values))
            if not known.rowcount:
                transaction.execute(sa.insert(workers).values(id=worker, **values))

    def leave(self, worker: str) -> None:
        """Says that a worker is gone: what it had begun may be taken over at once."""
        with self._database.write(f"worker {worker}") as transaction:
            transaction.execute(sa.update(workers).where(workers.c.id == worker).values(heartbeat_at=0.0))

    def processors(self) -> list[Processor]:
        """The processors of living workers, each kind once; NO_WORKER alone where there is none."""
        alive = workers.c.heartbeat_at > self._now() - SILENCE_SECONDS
        with self._database.single() as connection:
            query = sa.select(workers.c.processor).where(alive).order_by(workers.c.id)
            found = connection.execute(query).scalars().all()
        return [load(Processor, text) for text in dict.fromkeys(found)] or [NO_WORKER]

    def take_over(self, recover: Callable[[str], None]) -> list[str]:
        """Calls `recover(worker)` for each worker that has fallen silent, then forgets it; which ones. No two
        do so at once for the same worker; where one dies at it, the next one repeats it."""
        silent = workers.c.heartbeat_at <= self._now() - SILENCE_SECONDS
        with self._database.single() as connection:
            found = connection.execute(sa.select(workers.c.id).where(silent)).scalars().all()
        taken: list[str] = []
        for worker in found:
            with self._database.write(f"worker {worker}") as transaction:
                still = sa.select(workers.c.id).where(workers.c.id == worker, silent)
                if transaction.execute(still).first() is not None:
                    recover(worker)
                    transaction.execute(sa.delete(workers).where(workers.c.id == worker))
                    taken.append(worker)
        return taken

    def speeds(self) -> list[tuple[str, str, float]]:
        """What was measured: (device, model, pixels per second)."""
        query = sa.select(throughput.c.device, throughput.c.model, throughput.c.pixels_per_second)
        with self._database.single() as connection:
            return [
                (row[0], row[1], row[2])
                for row in connection.execute(query.order_by(*query.selected_columns[:2]))
            ]

    def count(self) -> int:
        """How many workers are alive."""
        alive = workers.c.heartbeat_at > self._now() - SILENCE_SECONDS
        with self._database.single() as connection:
            return connection.execute(
                sa.select(sa.func.count()).select_from(workers).where(alive)
            ).scalar_one()

    def _now(self) -> Any:
        return self._database.now(self._clock)

    def record_throughput(self, device: str, net: str, pixels_per_second: float) -> None:
        """Notes a measured speed with a net (a ModelName, or `estimates.TRACKING`); it counts half against
        what was measured before."""
        scope = f"throughput {device}"
        key = (throughput.c.device == device, throughput.c.model == net)
        with self._database.write(scope) as transaction:
            query = sa.select(throughput.c.pixels_per_second).where(*key)
            before = transaction.execute(query).scalar_one_or_none()
            values = {"pixels_per_second": pixels_per_second, "updated_at": self._clock()}
            if before is None:
                transaction.execute(sa.insert(throughput).values(device=device, model=net, **values))
            else:
                values["pixels_per_second"] = (before + pixels_per_second) / 2
                transaction.execute(sa.update(throughput).where(*key).values(**values))

    def throughput(self, device: str, net: str) -> float | None:
        """Measured pixels per second (those of `server.gpu.estimates.Work` per wall second), None where
        nothing was measured."""
        query = sa.select(throughput.c.pixels_per_second).where(
            throughput.c.device == device, throughput.c.model == net
        )
        with self._database.single() as connection:
            return connection.execute(query).scalar_one_or_none()
