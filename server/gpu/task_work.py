"""What tasks have in common: segments that are made, several at once, and stored as they are finished."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Protocol

from pycore.protocol import ReelError
from server.gpu.segments import run_segments
from server.gpu.task_files import TaskFiles
from server.gpu.tasks import Slot

_log = logging.getLogger(__name__)

FETCH_SHARE = 0.05
"""The share of the progress that fetching the inputs gets, and that putting together and storing get."""

Report = Callable[[float, str], None]
"""Gets progress, 0 to 1, and what is being done, as often as it changes."""


@dataclass(frozen=True, slots=True)
class Made:
    """Of all `segments`, so many were made in this run, with so many frames, in so many seconds."""

    segments: int
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Product:
    """A task's result as a file, and what `Metadata` tells of it."""

    path: Path
    bytes: int
    sha256: str
    frames: int
    duration_us: int = 0
    has_audio: bool = False
    players: int = 0
    cuts: int = 0
    notes: list[str] = field(default_factory=list)


class Maker(Protocol):
    """One task's work. All methods block and raise Stopped soon after the task is told to stop, else
    ReelError."""

    @property
    def frames(self) -> list[int]:
        """The frames of each segment, in order."""
        ...

    @property
    def pixels_per_frame(self) -> float:
        """Through the net, as estimates count them."""
        ...

    @property
    def last_step(self) -> str:
        """What `finish` does, for people."""
        ...

    def path(self, index: int) -> Path:
        """Where a segment's file lies, once it is made or fetched."""
        ...

    @property
    def at_once(self) -> int:
        """How many segments to make at a time."""
        ...

    @property
    def stop(self) -> Event:
        """Set when the task is told to stop."""
        ...

    def make(self, index: int, progress: Callable[[float], None], stop: Event) -> None:
        """Makes a segment. `progress` gets its share done; raises Stopped soon after `stop` is set."""
        ...

    def finish(self) -> Product:
        """Puts the segments together."""
        ...


def make_segments(slots: list[Slot], maker: Maker, files: TaskFiles, report: Report) -> Made:
    """Makes those that no earlier run has stored, `maker.at_once` at a time; the others are fetched. Each is
    stored as it is finished, while others are made: the GPU is what costs."""
    found = _found(slots, maker, files)
    missing = [index for index in range(len(maker.frames)) if index not in found]
    total, done = sum(maker.frames), {index: float(maker.frames[index]) for index in found}
    reporting = Lock()

    def run(index: int, stop: Event) -> None:
        def progress(share: float) -> None:
            with reporting:
                done[index] = share * maker.frames[index]
                frames = sum(done.values())
                told = FETCH_SHARE + frames / total * (1 - 2 * FETCH_SHARE)
                report(told, f"{round(frames)} of {total} frames")

        try:
            maker.make(index, progress, stop)
        except ReelError as error:
            if error.problem.status != 503 or error.problem.code == "device.lost":
                raise
            _log.warning("segment %d: %s; trying again", index, error)  # a decoder that was killed, say
            maker.make(index, progress, stop)
        if slots:
            files.put(slots[index].put, maker.path(index), once=True)

    began = time.monotonic()
    run_segments(maker.at_once, missing, run, maker.stop)
    return Made(len(missing), sum(maker.frames[index] for index in missing), time.monotonic() - began)


def _found(slots: list[Slot], maker: Maker, files: TaskFiles) -> set[int]:
    """The segments that are there already."""
    found = set()
    for number, slot in enumerate(slots):
        if files.there(slot.get):
            files.get(slot.get, maker.path(number), lambda got, of: None)
            found.add(number)
    return found
