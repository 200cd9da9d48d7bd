"""Runs an export's segments, as many at once as the processor can use: while one is computed, the next is
decoded and those before are encoded. Loads no torch."""

import contextvars
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from server.gpu.base import Stopped

T = TypeVar("T")


def run_segments(
    parallel: int, indices: Sequence[int], run: Callable[[int, threading.Event], T], stop: threading.Event
) -> list[T]:
    """[run(index, stop) for index in indices], `parallel` of them at a time, begun in that order. The event
    that each gets is set when the caller's `stop` is, and when another one fails: then what failed first is
    raised, after all have ended. Raises Stopped if any did."""
    if parallel <= 1:
        return [run(index, stop) for index in indices]
    halt = _Either(stop)
    with ThreadPoolExecutor(parallel, thread_name_prefix="segment") as pool:
        # each with the caller's context: what is logged carries the job's id
        futures = [pool.submit(contextvars.copy_context().run, run, index, halt) for index in indices]
        _done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        if waiting:
            halt.set()
            for future in waiting:
                future.cancel()
    failed = [each.exception() for each in futures if not each.cancelled() and each.exception() is not None]
    for error in failed:
        if error is not None and not isinstance(error, Stopped):
            raise error
    if failed:
        raise Stopped
    return [each.result() for each in futures]


class _Either(threading.Event):
    """Set, or the other one is."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()
