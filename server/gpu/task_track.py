"""The task `track` on a worker."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Self

from server.db.documents import dump
from server.gpu.base import GpuProcessor, Stopped
from server.gpu.detector_input import net_pixels
from server.gpu.task_work import Product
from server.gpu.tasks import Task, TrackParams, invalid, parse
from server.gpu.tracking import Seen, Tracker, TrackingPlan


@dataclass(frozen=True, slots=True)
class TrackMaker:
    """A Maker of tracking documents (see `task_work`): its segments are what the detector saw (Seen), as a
    worker of one's own stores them."""

    source: Path
    plan: TrackingPlan
    tracker: Tracker
    pixels_per_frame: float
    folder: Path
    stop: Event
    last_step: str = "Telling the players apart"

    @classmethod
    def of(
        cls,
        task: Task,
        sources: dict[str, Path],
        processor: GpuProcessor,
        tracker: Tracker,
        folder: Path,
        stop: Event,
    ) -> Self:
        """ReelError `task.invalid`, or what the plan has to say of the source."""
        params = parse(TrackParams, task.params, "input.params")
        if len(sources) != 1:
            raise invalid("input.inputs", f"track takes one file, not {len(sources)}")
        (source,) = sources.values()
        plan = tracker.plan(source, params.in_us, params.out_us)
        pixels = net_pixels(plan.size, processor.info().kind)
        return cls(source, plan, tracker, pixels, folder, stop)

    @property
    def frames(self) -> list[int]:
        return [segment.frames for segment in self.plan.segments]

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.npz"

    @property
    def at_once(self) -> int:
        return 1

    def make(self, index: int, progress: Callable[[float], None], stop: Event) -> None:
        seen = self.tracker.look(self.source, self.plan, index, progress, stop)
        self.path(index).write_bytes(seen.to_bytes())

    def finish(self) -> Product:
        seen = [Seen.from_bytes(self.path(each.index).read_bytes()) for each in self.plan.segments]
        if self.stop.is_set():
            raise Stopped
        found = self.tracker.link(self.source, self.plan, seen)
        content = dump(found).encode()
        target = self.folder / "tracking.json"
        target.write_bytes(content)
        return Product(
            target,
            len(content),
            hashlib.sha256(content).hexdigest(),
            self.plan.frames,
            players=len(found.tracks),
            cuts=len(found.cuts),
        )
