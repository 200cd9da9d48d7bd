"""The tasks `export` and `upscale` on a worker."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Self

from pycore.protocol import ExportClip, ExportRequest, Rect, Size
from server.gpu.base import ExportPlan, GpuProcessor, SegmentStats, Sources, Stopped, with_notes
from server.gpu.planning import MAX_SIDE
from server.gpu.task_work import Product
from server.gpu.tasks import Task, TaskKind, UpscaleParams, invalid, parse
from server.video.probe import inspect


@dataclass(frozen=True, slots=True)
class ExportMaker:
    """A Maker of reels (see `task_work`)."""

    sources: Sources
    plan: ExportPlan
    processor: GpuProcessor
    folder: Path
    stop: Event
    last_step: str = "Joining"
    stats: list[SegmentStats] = field(default_factory=list)

    @classmethod
    def of(
        cls, task: Task, sources: dict[str, Path], processor: GpuProcessor, folder: Path, stop: Event
    ) -> Self:
        """The files get the names that the request calls them by. ReelError `task.invalid`, or what the plan
        has to say of the sources."""
        if task.task is TaskKind.UPSCALE:
            params = parse(UpscaleParams, task.params, "input.params")
            request = upscale_request(params, next(iter(sources)), next(iter(sources.values())))
        else:
            request = parse(ExportRequest, task.params, "input.params")
        if task.input_url:
            sources = dict.fromkeys(request.media_ids(), next(iter(sources.values())))
        for each in request.media_ids():
            if each not in sources:
                raise invalid("input.inputs", f"there is none with the id {each[:64]!r}")
        return cls(sources, processor.plan(sources, request), processor, folder, stop)

    @property
    def frames(self) -> list[int]:
        return [segment.frames for segment in self.plan.segments]

    @property
    def pixels_per_frame(self) -> float:
        return self.plan.work_pixels / self.plan.frames

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.mp4"

    @property
    def at_once(self) -> int:
        return self.processor.parallel()

    def make(self, index: int, progress: Callable[[float], None], stop: Event) -> None:
        made = self.processor.run_segment(self.sources, self.plan, index, self.path(index), progress, stop)
        self.stats.append(made)

    def finish(self) -> Product:
        parts = [self.path(segment.index) for segment in self.plan.segments]
        target = self.folder / "result.mp4"
        made = with_notes(self.processor.finish(self.sources, self.plan, parts, target), self.stats)
        if self.stop.is_set():
            raise Stopped
        return Product(
            target, made.bytes, made.sha256, made.frames, made.duration_us, made.has_audio, notes=made.notes
        )


def upscale_request(params: UpscaleParams, media_id: str, source: Path) -> ExportRequest:
    """`upscale` as the export that it is. ReelError `task.invalid`."""
    if params.scale not in (2, 4):
        raise invalid("input.params.scale", f"it must be 2 or 4, not {params.scale}")
    probed = inspect(source)
    crop = params.crop or Rect(0.0, 0.0, float(probed.size.width), float(probed.size.height))
    size = Size(round(crop.width * params.scale) // 2 * 2, round(crop.height * params.scale) // 2 * 2)
    if max(size.width, size.height) > MAX_SIDE:
        what = f"{size.width}×{size.height} is larger than {MAX_SIDE} pixels"
        raise invalid("input.params.scale", what)
    out_us = probed.table.duration_us if params.out_us is None else params.out_us
    return ExportRequest([ExportClip(media_id, params.in_us, out_us, crop)], size, params.model)
