"""Whether the server is there, and what it can do."""

import asyncio
from collections.abc import Awaitable, Callable

from pycore.backends.host import Host
from pycore.protocol import Problem, ReelError, ServerInfo
from pycore.server_client import ServerClient, is_unreachable
from pycore.tasks import Tasks

_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 60.0


class ServerWatch:
    """Asks once; while nobody answers, asks again now and then. `arrived()` runs each time that the server
    (re)appears."""

    def __init__(
        self,
        host: Host,
        client: ServerClient,
        tasks: Tasks,
        changed: Callable[[], None],
        arrived: Callable[[], Awaitable[None]],
    ) -> None:
        self._host = host
        self._client = client
        self._tasks = tasks
        self._changed = changed
        self._arrived = arrived
        self._poll: asyncio.Task[None] | None = None
        self.info: ServerInfo | None = None
        self.problem: Problem | None = None

    async def refresh(self) -> None:
        """Asks now. That nobody answers is no error here: it is in `problem`."""
        try:
            self.info, self.problem = await self._client.capabilities(), None
        except ReelError as error:
            self.lost(error.problem)
            return
        self._changed()
        try:
            await self._arrived()
        except ReelError as error:
            if not is_unreachable(error):  # gone again: `lost` has heard of it
                raise

    def lost(self, problem: Problem) -> None:
        """The server did not answer a call."""
        self.info, self.problem = None, problem
        self._changed()
        if problem.status == 401:
            return  # it is there, and waits for a token
        if self._poll is None:
            self._poll = self._tasks.start(self._ask_again(), "waiting for the server")

    async def _ask_again(self) -> None:
        wait = _FIRST_WAIT_S
        try:
            while self.info is None:
                await self._host.sleep(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT_S)
                await self.refresh()
        finally:
            self._poll = None
