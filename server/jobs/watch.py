"""Follows jobs for WebSockets: one look at the database every 200 ms per watched job, however many watch
it, and none when nobody does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from pycore.protocol import JobEvent, ReelError
from server.jobs.manager import JobManager

POLL_SECONDS = 0.2

_log = logging.getLogger(__name__)

_Message = JobEvent | Exception


@dataclass
class _Watched:
    listeners: set[asyncio.Queue[_Message]] = field(default_factory=set)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class JobWatch:
    """Hands out job events. Use from one event loop."""

    def __init__(self, manager: JobManager) -> None:
        self._manager = manager
        self._watched: dict[str, _Watched] = {}

    async def follow(self, job_id: str, after: int | None = None) -> AsyncGenerator[JobEvent]:
        """First the job as it is (with `after`: what came since that sequence number), then each change,
        ending with the final state. ReelError `job.not-found` where there is no such job, or no longer."""
        async with self._listening(job_id) as queue:
            past = await asyncio.to_thread(self._manager.events, job_id, after)
            job = past[-1].job if past else await asyncio.to_thread(self._manager.get, job_id)
            for event in past:
                yield event
            last = job.sequence if past else min(after or 0, job.sequence)
            final = job.state.final
            while not final:
                message = await queue.get()
                if isinstance(message, Exception):
                    raise message
                if message.sequence > last:
                    last = message.sequence
                    final = message.job.state.final
                    yield message

    @contextlib.asynccontextmanager
    async def _listening(self, job_id: str) -> AsyncIterator[asyncio.Queue[_Message]]:
        """A queue that gets every event newer than what can be read from the database inside this context."""
        queue: asyncio.Queue[_Message] = asyncio.Queue()
        watched = self._watched.setdefault(job_id, _Watched())
        watched.listeners.add(queue)
        if watched.task is None:
            watched.task = asyncio.create_task(self._poll(job_id, watched))
        try:
            await watched.begun.wait()
            yield queue
        finally:
            watched.listeners.discard(queue)
            if not watched.listeners and self._watched.get(job_id) is watched:
                del self._watched[job_id]
                watched.task.cancel()

    async def _poll(self, job_id: str, watched: _Watched) -> None:
        try:
            last = (await asyncio.to_thread(self._manager.get, job_id)).sequence
            watched.begun.set()
            while True:
                for event in await asyncio.to_thread(self._manager.events, job_id, last):
                    last = event.sequence
                    for queue in watched.listeners:
                        queue.put_nowait(event)
                await asyncio.sleep(POLL_SECONDS)
        except Exception as error:  # noqa: BLE001  those who listen are told, and raise it
            if self._watched.get(job_id) is watched:
                del self._watched[job_id]
            for queue in watched.listeners:
                queue.put_nowait(error)
            watched.begun.set()
            if not isinstance(error, ReelError):
                _log.exception("watching job %s failed", job_id)
