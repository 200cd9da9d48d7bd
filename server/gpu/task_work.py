"""What tasks have in common: segments that are made one after the other and stored as they are finished."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from server.gpu.task_files import TaskFiles
from server.gpu.tasks import Slot

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

    def make(self, index: int, progress: Callable[[float], None]) -> float:
        """Makes a segment; the seconds that it took. `progress` gets its share done."""
        ...

    def finish(self) -> Product:
        """Puts the segments together."""
        ...


def make_segments(slots: list[Slot], maker: Maker, files: TaskFiles, report: Report) -> Made:
    """Makes what is missing behind the segments that an earlier run has stored, which are fetched."""
    found = _found(slots, maker, files)
    total, seconds = sum(maker.frames), 0.0
    # Storing one segment goes on while the next is made: the GPU is what costs.
    with ThreadPoolExecutor(1, "store") as storing:
        stored: list[Future[bool]] = []
        for index in range(found, len(maker.frames)):
            before, frames = sum(maker.frames[:index]), maker.frames[index]

            def progress(share: float, before: int = before, frames: int = frames) -> None:
                done = (before + share * frames) / total
                message = f"{before + round(share * frames)} of {total} frames"
                report(FETCH_SHARE + done * (1 - 2 * FETCH_SHARE), message)

            seconds += maker.make(index, progress)
            if slots:
                stored.append(storing.submit(files.put, slots[index].put, maker.path(index), once=True))
            for each in stored:
                if each.done():
                    each.result()
        for each in stored:
            each.result()
    return Made(len(maker.frames) - found, sum(maker.frames[found:]), seconds)


def _found(slots: list[Slot], maker: Maker, files: TaskFiles) -> int:
    """How many segments from the first on are there already."""
    for number, slot in enumerate(slots):
        if not files.there(slot.get):
            return number
        files.get(slot.get, maker.path(number), lambda got, of: None)
    return len(slots)
