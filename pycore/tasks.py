"""Background tasks that are kept referenced, whose failures reach the person."""

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from pycore.protocol import Problem, ReelError


def as_problem(error: BaseException, doing: str) -> Problem:
    """What went wrong, for people. An error that is not one of ours is a fault of the program and says so,
    with its place."""
    if isinstance(error, ReelError):
        return error.problem
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return Problem(
        "app.fault",
        f"Something went wrong while {doing}",
        f"{type(error).__name__}: {error}{place}",
        "Reload the page; if it happens again, report it with this text.",
        500,
    )


class Tasks:
    """Starts tasks and hands the problem of each that fails to `on_problem`. Cancelled ones end quietly."""

    def __init__(self, on_problem: Callable[[Problem], None]) -> None:
        self._on_problem = on_problem
        self._running: set[asyncio.Task[Any]] = set()  # the loop itself holds tasks only weakly

    def start(self, work: Coroutine[Any, Any, Any], doing: str) -> asyncio.Task[Any]:
        """Runs `work`; `doing` completes "Something went wrong while ..."."""
        task = asyncio.get_running_loop().create_task(work, name=doing)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_problem(as_problem(error, task.get_name()))

    async def close(self) -> None:
        """Cancels what still runs and waits until it has ended."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
