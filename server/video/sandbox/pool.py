"""The processes that read files: each serves one file, one request at a time, and is kept for the next one
about the same file for a while."""

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pycore.protocol import ReelError
from server.video.container import stamp
from server.video.sandbox.process import DecoderDied, Process

KEPT = max(4, min(os.cpu_count() or 1, 12))
KEPT_SECONDS = 20.0
"""Idle processes, and for how long. As many segments of one file may be decoded at once."""

_Key = tuple[Path, tuple[int, int]]
_idle: list[tuple[_Key, Process]] = []
"""By age, the oldest first; a file may have several."""
_lock = threading.Lock()


@contextlib.contextmanager
def serving(path: Path) -> Iterator[Process]:
    """A process for this file, alone; kept afterwards where it answered in good order."""
    key = (path, stamp(path))
    process = _kept(key) or Process(path)
    in_order = False
    try:
        yield process
        in_order = True
    except DecoderDied:
        raise
    except ReelError:
        in_order = True  # a refusal
        raise
    finally:
        if in_order:
            _keep(key, process)
        else:
            process.end()


def _kept(key: _Key) -> Process | None:
    """One that waits for work on this file, the youngest, out of the list."""
    while True:
        with _lock:
            place = next((n for n in reversed(range(len(_idle))) if _idle[n][0] == key), None)
            if place is None:
                return None
            _, process = _idle.pop(place)
        if process.alive():
            return process
        process.end()


def _keep(key: _Key, process: Process) -> None:
    now = process.idle_since = time.monotonic()
    with _lock:
        _idle.append((key, process))
        many = max(len(_idle) - KEPT, 0)
        ended = [n for n, (_, each) in enumerate(_idle) if n < many or now - each.idle_since > KEPT_SECONDS]
        ending = [_idle.pop(n)[1] for n in reversed(ended)]
    for each in ending:
        each.end()


def end_idle() -> None:
    """Ends the processes that wait for work."""
    with _lock:
        waiting = [process for _, process in _idle]
        _idle.clear()
    for process in waiting:
        process.end()


atexit.register(end_idle)
