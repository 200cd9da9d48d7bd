"""Follows jobs for WebSockets: one look at the database every 200 ms for all jobs that are watched, however
many watch them, and none when nobody does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from pycore.protocol import JobEvent, ReelError
from server.db.documents import dump
from server.db.owners import job_not_found
from server.jobs.reading import JobReader

POLL_SECONDS = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and its JSON text, which is made once for all who watch the job."""

    event: JobEvent
    text: str


_Message = Told | Exception


@dataclass(frozen=True, slots=True)
class _Past:
    """What changed so far; the newest `sequence` number, and whether it is the last."""

    told: list[Told]
    sequence: int
    final: bool


@dataclass
class _Watched:
    """`last`: the newest event that the listeners have, or can read; None before the first look."""

    listeners: set[asyncio.Queue[_Message]] = field(default_factory=set)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    last: int | None = None

    def tell(self, message: _Message) -> None:
        for queue in self.listeners:
            queue.put_nowait(message)


class JobWatch:
    """Hands out job events. Use from one event loop."""

    def __init__(self, manager: JobReader) -> None:
        self._manager = manager
        self._watched: dict[str, _Watched] = {}
        self._new = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def follow(self, job_id: str, after: int | None = None) -> AsyncGenerator[Told]:
        """First the job as it is (with `after`: what came since that sequence number), then each change,
        ending with the final state. ReelError `job.not-found` where there is no such job, or no longer."""
        async with self._listening(job_id) as queue:
            past = await asyncio.to_thread(self._past, job_id, after)
            for told in past.told:
                yield told
            last, final = past.sequence, past.final
            while not final:
                message = await queue.get()
                if isinstance(message, Exception):
                    raise message
                if message.event.sequence > last:
                    last = message.event.sequence
                    final = message.event.job.state.final
                    yield message

    @property
    def count(self) -> int:
        """How many listen now."""
        return sum(len(each.listeners) for each in self._watched.values())

    @contextlib.asynccontextmanager
    async def _listening(self, job_id: str) -> AsyncIterator[asyncio.Queue[_Message]]:
        """A queue that gets every event newer than what can be read from the database inside this context."""
        queue: asyncio.Queue[_Message] = asyncio.Queue()
        watched = self._watched.setdefault(job_id, _Watched())
        watched.listeners.add(queue)
        if watched.last is None:
            self._new.set()
        if self._task is None:
            self._task = asyncio.create_task(self._poll())
        try:
            await watched.begun.wait()
            yield queue
        finally:
            watched.listeners.discard(queue)
            if not watched.listeners and self._watched.get(job_id) is watched:
                del self._watched[job_id]

    async def _poll(self) -> None:
        try:
            while self._watched:
                self._new.clear()
                await self._look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._new.wait(), POLL_SECONDS)
        except Exception as error:  # noqa: BLE001  those who listen are told, and raise it
            _log.exception("watching jobs failed")
            for job_id in list(self._watched):
                self._end(job_id, error)
        finally:
            self._task = None

    async def _look(self) -> None:
        known = {job_id: watched.last for job_id, watched in self._watched.items()}
        newest = await asyncio.to_thread(self._manager.sequences, list(known))
        for job_id, last in known.items():
            watched = self._watched.get(job_id)
            if watched is None or watched.last != last:
                continue  # nobody listens any more, or others have begun to
            sequence = newest.get(job_id)
            if sequence is None:
                self._end(job_id, job_not_found(job_id))
            elif last is None:
                watched.last = sequence
                watched.begun.set()
            elif sequence > last:
                await self._catch_up(job_id, watched)

    async def _catch_up(self, job_id: str, watched: _Watched) -> None:
        try:
            past = await asyncio.to_thread(self._past, job_id, watched.last)
        except ReelError as error:  # deleted this moment
            self._end(job_id, error)
            return
        for told in past.told:
            watched.last = told.event.sequence
            watched.tell(told)

    def _past(self, job_id: str, after: int | None) -> _Past:
        """To be called in a thread: it reads and encodes."""
        history = self._manager.history(job_id, after)
        told = [Told(event, dump(event)) for event in history.events]
        return _Past(told, history.sequence, history.final)

    def _end(self, job_id: str, error: Exception) -> None:
        watched = self._watched.pop(job_id)
        watched.tell(error)
        watched.begun.set()
