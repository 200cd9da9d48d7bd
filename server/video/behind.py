"""Encodes in a thread of its own, behind what makes the frames."""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Behind:
    """Calls what it is given, in order, in one thread. A context manager: leaving it waits for all of it, or,
    with an exception, drops what has not begun. What a call raises is raised by the next `put` or at the
    end.

    At most `depth` calls wait; then `put` does.
    """

    def __init__(self, depth: int) -> None:
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._dropped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="encode-behind", daemon=True)

    def put(self, call: Callable[[], None]) -> None:
        if self._error is not None:
            raise self._error
        self._waiting.put(call)

    def _run(self) -> None:
        while (call := self._waiting.get()) is not None:
            if self._error is not None or self._dropped.is_set():
                continue
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - raised again by the giver
                self._error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._dropped.set()
        self._waiting.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error
