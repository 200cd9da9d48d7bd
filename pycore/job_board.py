"""The server's jobs as the page lists them, kept up to date while they run."""

import asyncio
from collections.abc import Callable

from pycore.backends.host import Host
from pycore.protocol import Job, JobState, Problem, ReelError
from pycore.server_client import ServerClient, is_transient
from pycore.tasks import Tasks

_LONGEST_WAIT_S = 5.0


class JobBoard:
    """Follows each job that is not final over its WebSocket. When that breaks, it reads the job over HTTP,
    waits, and opens the WebSocket again from the last event it has seen: so it also works, more slowly, where
    a proxy lets no WebSocket through.

    `changed()` is called with every change, `on_problem` with the problem of a job that failed while it was
    followed.
    """

    def __init__(
        self,
        host: Host,
        client: ServerClient,
        tasks: Tasks,
        changed: Callable[[], None],
        on_problem: Callable[[Problem], None],
    ) -> None:
        self._host = host
        self._client = client
        self._tasks = tasks
        self._changed = changed
        self._on_problem = on_problem
        self._jobs: dict[str, Job] = {}
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._listeners: dict[str, Callable[[Job | None], None]] = {}

    def list(self) -> list[Job]:
        """Newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.created_at, reverse=True)

    async def refresh(self) -> None:
        """Reads all jobs anew. Raises ReelError."""
        before = set(self._jobs)  # a job that is made while we ask may be missing in the answer
        jobs = await self._client.jobs()
        for gone in before - {job.id for job in jobs}:
            del self._jobs[gone]
            self._unfollow(gone)
            self._listeners.get(gone, _nobody)(None)
        self._changed()
        for job in jobs:
            self.take(job)

    def take(self, job: Job) -> None:
        """Adds or updates a job, and follows it unless it is final."""
        present = self._jobs.get(job.id)
        if present is not None and present.sequence > job.sequence:
            return  # an answer that was overtaken by an event
        if present != job:
            self._jobs[job.id] = job
            self._changed()
            self._listeners.get(job.id, _nobody)(job)
        if job.state.final:
            if job.state is JobState.FAILED and present is not None and not present.state.final:
                self._on_problem(
                    job.error or Problem("job.failed", f"{job.name} failed", job.message, status=500)
                )
        elif job.id not in self._followers:
            self._followers[job.id] = self._tasks.start(self._follow(job.id), f"following {job.name!r}")

    async def ended(self, job: Job, heard: Callable[[Job], None]) -> Job:
        """Adds a job and waits for its end; `heard` gets it after each change. Raises ReelError `job.gone`
        where it was deleted meanwhile."""
        end: asyncio.Future[Job] = asyncio.get_running_loop().create_future()

        def listen(now: Job | None) -> None:
            if now is None:
                hint = "Start it again."
                gone = ReelError.of("job.gone", "The job was deleted on the server", hint=hint, status=404)
                end.set_exception(gone)
                return
            heard(now)
            if now.state.final and not end.done():
                end.set_result(now)

        self._listeners[job.id] = listen
        try:
            self.take(job)
            return self._jobs[job.id] if self._jobs[job.id].state.final else await end
        finally:
            del self._listeners[job.id]

    async def cancel(self, job_id: str) -> None:
        self.take(await self._client.cancel_job(job_id))

    async def _follow(self, job_id: str) -> None:
        silent = 0  # times in a row that the WebSocket brought nothing
        try:
            while not self._jobs[job_id].state.final:
                silent = 1 if await self._listen(job_id) else silent + 1
                if not self._jobs[job_id].state.final:
                    await self._host.sleep(min(0.25 * 2 ** min(silent, 8), _LONGEST_WAIT_S))
                    await self._read(job_id)
        except _Gone:
            self._jobs.pop(job_id, None)
            self._changed()
            self._listeners.get(job_id, _nobody)(None)
        finally:
            if self._followers.get(job_id) is asyncio.current_task():
                del self._followers[job_id]

    async def _listen(self, job_id: str) -> bool:
        """Takes events until the WebSocket ends; whether any came."""
        heard = False
        try:
            events = await self._client.job_events(job_id, self._jobs[job_id].sequence)
            try:
                while (event := await events.next()) is not None:
                    heard = True
                    self.take(event.job)
            finally:
                await events.close()
        except ReelError as error:
            if not is_transient(error):
                raise
        return heard

    async def _read(self, job_id: str) -> None:
        try:
            self.take(await self._client.job(job_id))
        except ReelError as error:
            if error.problem.status == 404:
                raise _Gone from error
            if not is_transient(error):
                raise

    def _unfollow(self, job_id: str) -> None:
        follower = self._followers.pop(job_id, None)
        if follower is not None:
            follower.cancel()


def _nobody(job: Job | None) -> None:
    """Listens to nothing."""


class _Gone(Exception):
    """The job was deleted on the server."""
