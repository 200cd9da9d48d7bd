"""One task on a worker, from claim to result: fetch the inputs, make what segments are missing, put them
together, store.

Killed or repeated at any moment it goes on behind the last stored segment.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import assert_never

from server.db.documents import dump
from server.gpu.base import GpuProcessor
from server.gpu.task_export import ExportMaker
from server.gpu.task_files import TaskFiles
from server.gpu.task_track import TrackMaker
from server.gpu.task_work import FETCH_SHARE, Made, Maker, Report, make_segments
from server.gpu.tasks import InputFile, Metadata, Output, Task, TaskKind, invalid
from server.gpu.tracking import Tracker
from server.net.guard import shown

_log = logging.getLogger(__name__)

SINGLE = "input"
"""What the one file of `input_url` is called."""


@dataclass
class TaskRun:
    """`remote_id` is RunPod's id of the job, `ready_seconds` what it took the worker to get ready (0 when it
    was)."""

    task: Task
    remote_id: str
    processor: GpuProcessor
    tracker: Tracker
    files: TaskFiles
    report: Report
    stop: Event
    tmp: Path
    ready_seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def run(self) -> Output:
        """Does the task. Raises Stopped soon after `stop` is set, else ReelError."""
        began = self.clock()
        if (holder := self._claim()) is not None:
            _log.info("the claim is taken by %r: nothing to do", holder)
            return Output(duplicate_of=holder)
        with TemporaryDirectory(dir=self.tmp) as folder:
            maker = self._maker(self._fetch(Path(folder)), Path(folder))
            if self.task.segments and len(self.task.segments) != len(maker.frames):
                there = len(self.task.segments)
                raise invalid("input.segments", f"the plan has {len(maker.frames)}, and {there} are given")
            made = make_segments(self.task.segments, maker, self.files, self.report)
            metadata = self._finish(maker, made, began)
        return Output(shown(self.task.output_url), metadata)

    def _claim(self) -> str | None:
        """None where this job has the claim; else who has it. A job that RunPod runs again has it still."""
        claim = self.task.claim
        if claim is None or self.files.put(claim.put, self.remote_id.encode(), once=True):
            return None
        holder = (self.files.read(claim.get) or b"").decode(errors="replace")
        return None if holder == self.remote_id else holder

    def _fetch(self, folder: Path) -> dict[str, Path]:
        asked = self.task.inputs or [InputFile(SINGLE, self.task.input_url)]
        sources: dict[str, Path] = {}
        for number, each in enumerate(asked):

            def progress(got: int, of: int | None, number: int = number) -> None:
                share = (number + (min(got / of, 1.0) if of else 0.5)) / len(asked)
                self.report(share * FETCH_SHARE, "Fetching the video")

            path = folder / f"input-{number}"
            self.files.get(each.url, path, progress)
            sources[each.id] = path
        return sources

    def _maker(self, sources: dict[str, Path], folder: Path) -> Maker:
        match self.task.task:
            case TaskKind.EXPORT | TaskKind.UPSCALE:
                return ExportMaker.of(self.task, sources, self.processor, folder, self.stop)
            case TaskKind.TRACK:
                return TrackMaker.of(self.task, sources, self.processor, self.tracker, folder, self.stop)
            case other:
                assert_never(other)

    def _finish(self, maker: Maker, made: Made, began: float) -> Metadata:
        self.report(1 - FETCH_SHARE, maker.last_step)
        joining = self.clock()
        product = maker.finish()
        metadata = Metadata(
            task=self.task.task,
            device=self.processor.info().name,
            bytes=product.bytes,
            sha256=product.sha256,
            frames=product.frames,
            duration_us=product.duration_us,
            has_audio=product.has_audio,
            seconds=self.clock() - began,
            compute_seconds=made.seconds + self.clock() - joining,
            segment_seconds=made.seconds,
            work_pixels=maker.pixels_per_frame * made.frames,
            segments=len(maker.frames),
            made=made.segments,
            start_seconds=self.ready_seconds,
            players=product.players,
            cuts=product.cuts,
            notes=product.notes,
        )
        self.report(1 - FETCH_SHARE / 2, "Storing the result")
        if self.task.facts_url:
            self.files.put(self.task.facts_url, dump(metadata).encode())
        self.files.put(self.task.output_url, product.path)
        return metadata
