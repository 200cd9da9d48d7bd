"""What people see: steps, progress bars and errors with advice."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class BuildError(Exception):
    """A step failed for a reason that the person at the keyboard can act on: `problem` says what, `hint`
    what to do.
    """

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem}\n  {hint}" if hint else problem)
        self.problem = problem
        self.hint = hint


class Unreachable(Exception):
    """This source does not give the file now; the next one may. `host`: its host gives nothing at all."""

    def __init__(self, reason: str, host: bool = False) -> None:
        super().__init__(reason)
        self.host = host


def say(text: str) -> None:
    """One line about a step that takes place now."""
    print(text, flush=True)


class Progress:
    """A bar for one download. On a terminal it is redrawn in place; elsewhere a line is printed at most
    every ten seconds.
    """

    def __init__(
        self, label: str, total: int | None, out: TextIO | None = None, now: float | None = None
    ) -> None:
        self.label, self.total, self.done = label, total, 0
        self._out = out or sys.stdout
        self._tty = self._out.isatty()
        self._every = 0.1 if self._tty else 10.0
        self._last = time.monotonic() if now is None else now
        self._drawn = False

    def to(self, done: int, total: int | None = None) -> None:
        """`done` of `total` bytes are here."""
        self.done = done
        self.total = total if total is not None else self.total
        if time.monotonic() - self._last >= self._every:
            self._draw()

    def add(self, count: int) -> None:
        self.to(self.done + count)

    def close(self) -> None:
        """Leaves the final state on a line of its own, if anything was drawn at all."""
        if self._drawn and self._tty:
            self._draw()
            self._out.write("\n")
            self._out.flush()
        self._drawn = False

    def _draw(self) -> None:
        self._last = time.monotonic()
        self._drawn = True
        text = f"  {self.label}  {bar(self.done, self.total)}"
        self._out.write(f"\r\x1b[K{text}" if self._tty else f"{text}\n")
        self._out.flush()


def bar(done: int, total: int | None, width: int = 24) -> str:
    """ "[#####-----]  3.1 / 9.6 MB", or the bytes so far while the total is unknown."""
    if not total:
        return f"{done / 1e6:.1f} MB"
    filled = min(width, round(width * done / total))
    return f"[{'#' * filled}{'-' * (width - filled)}] {done / 1e6:.1f} / {total / 1e6:.1f} MB"


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Progress]:
    shown = Progress(label, total)
    try:
        yield shown
    finally:
        shown.close()
