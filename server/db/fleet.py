"""What the workers tell the API: which processor they have, that they are alive, and how fast each model
was."""

import time
from collections.abc import Callable

import sqlalchemy as sa

from pycore.protocol import ModelName, Processor, ProcessorKind
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
        with self._database.write() as transaction:
            transaction.execute(sa.delete(workers).where(workers.c.id == worker))
            transaction.execute(
                sa.insert(workers).values(id=worker, processor=dump(processor), heartbeat_at=self._clock())
            )

    def leave(self, worker: str) -> None:
        """Says that a worker is gone."""
        with self._database.write() as transaction:
            transaction.execute(sa.delete(workers).where(workers.c.id == worker))

    def processors(self) -> list[Processor]:
        """The processors of living workers; NO_WORKER alone where there is none."""
        alive = workers.c.heartbeat_at > self._clock() - SILENCE_SECONDS
        with self._database.read() as transaction:
            query = sa.select(workers.c.processor).where(alive).order_by(workers.c.id)
            found = transaction.execute(query).scalars().all()
        return [load(Processor, text) for text in found] or [NO_WORKER]

    def record_throughput(self, device: str, model: ModelName, pixels_per_second: float) -> None:
        """Notes a measured speed; it counts half against what was measured before."""
        key = (throughput.c.device == device, throughput.c.model == model.value)
        with self._database.write() as transaction:
            query = sa.select(throughput.c.pixels_per_second).where(*key)
            before = transaction.execute(query).scalar_one_or_none()
            values = {"pixels_per_second": pixels_per_second, "updated_at": self._clock()}
            if before is None:
                transaction.execute(sa.insert(throughput).values(device=device, model=model.value, **values))
            else:
                values["pixels_per_second"] = (before + pixels_per_second) / 2
                transaction.execute(sa.update(throughput).where(*key).values(**values))

    def throughput(self, device: str, model: ModelName) -> float | None:
        """Measured pixels per second (`server.gpu.estimates.work_pixels` per wall second), None where
        nothing was measured."""
        query = sa.select(throughput.c.pixels_per_second).where(
            throughput.c.device == device, throughput.c.model == model.value
        )
        with self._database.read() as transaction:
            return transaction.execute(query).scalar_one_or_none()
