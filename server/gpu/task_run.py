"""One task on a worker, from claim to result: fetch the inputs, make what segments are missing, join, store.

Killed or repeated at any moment it goes on behind the last stored segment.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import assert_never

from pycore.protocol import ExportClip, ExportRequest, Rect, Size
from server.db.documents import dump
from server.gpu.base import ExportPlan, GpuProcessor, Sources, Stopped
from server.gpu.planning import MAX_SIDE
from server.gpu.task_files import TaskFiles
from server.gpu.tasks import InputFile, Metadata, Output, Task, TaskKind, UpscaleParams, invalid, parse
from server.net.guard import shown
from server.video.probe import inspect

_log = logging.getLogger(__name__)

FETCH_SHARE = 0.05
"""The share of the progress that fetching the inputs gets, and that joining and storing get together."""
SINGLE = "input"
"""What the one file of `input_url` is called."""


Report = Callable[[float, str], None]
"""Gets progress, 0 to 1, and what is being done, as often as it changes."""


@dataclass
class TaskRun:
    """`remote_id` is RunPod's id of the job, `ready_seconds` what it took the worker to get ready (0 when it
    was)."""

    task: Task
    remote_id: str
    processor: GpuProcessor
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
            sources = self._fetch(Path(folder))
            request = self._request(sources)
            plan = self.processor.plan(sources, request)
            if self.task.segments and len(self.task.segments) != len(plan.segments):
                there = len(self.task.segments)
                raise invalid("input.segments", f"the plan has {len(plan.segments)}, and {there} are given")
            metadata = self._make(sources, plan, Path(folder), began)
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

    def _request(self, sources: dict[str, Path]) -> ExportRequest:
        """What is to be made; the files get the names that it calls them by."""
        match self.task.task:
            case TaskKind.EXPORT:
                request = parse(ExportRequest, self.task.params, "input.params")
            case TaskKind.UPSCALE:
                params = parse(UpscaleParams, self.task.params, "input.params")
                request = upscale_request(params, next(iter(sources)), next(iter(sources.values())))
            case other:
                assert_never(other)
        if self.task.input_url:
            for each in request.media_ids():
                sources[each] = sources[SINGLE]
        for each in request.media_ids():
            if each not in sources:
                raise invalid("input.inputs", f"there is none with the id {each[:64]!r}")
        return request

    def _make(self, sources: Sources, plan: ExportPlan, folder: Path, began: float) -> Metadata:
        paths = [folder / f"{segment.index:05d}.mp4" for segment in plan.segments]
        found = self._found(plan, paths)
        seconds, frames = 0.0, 0
        # Storing one segment goes on while the next is made: the GPU is what costs.
        with ThreadPoolExecutor(1, "store") as storing:
            stored: list[Future[bool]] = []
            for segment in plan.segments[found:]:
                before = sum(each.frames for each in plan.segments[: segment.index])

                def progress(share: float, before: int = before, frames: int = segment.frames) -> None:
                    done = (before + share * frames) / plan.frames
                    message = f"{before + round(share * frames)} of {plan.frames} frames"
                    self.report(FETCH_SHARE + done * (1 - 2 * FETCH_SHARE), message)

                target = paths[segment.index]
                stats = self.processor.run_segment(sources, plan, segment.index, target, progress, self.stop)
                seconds, frames = seconds + stats.seconds, frames + stats.frames
                if self.task.segments:
                    slot = self.task.segments[segment.index]
                    stored.append(storing.submit(self.files.put, slot.put, target, once=True))
                for each in stored:
                    if each.done():
                        each.result()
            for each in stored:
                each.result()
        return self._finish(sources, plan, paths, began, found, seconds, frames)

    def _finish(
        self,
        sources: Sources,
        plan: ExportPlan,
        paths: list[Path],
        began: float,
        found: int,
        seconds: float,
        frames: int,
    ) -> Metadata:
        self.report(1 - FETCH_SHARE, "Joining")
        joining = self.clock()
        target = paths[0].with_name("result.mp4")
        finished = self.processor.finish(sources, plan, paths, target)
        if self.stop.is_set():
            raise Stopped
        metadata = Metadata(
            task=self.task.task,
            device=self.processor.info().name,
            bytes=finished.bytes,
            sha256=finished.sha256,
            frames=finished.frames,
            duration_us=finished.duration_us,
            has_audio=finished.has_audio,
            seconds=self.clock() - began,
            compute_seconds=seconds + self.clock() - joining,
            segment_seconds=seconds,
            work_pixels=plan.work_pixels * frames / plan.frames,
            segments=len(plan.segments),
            made=len(plan.segments) - found,
            start_seconds=self.ready_seconds,
            notes=finished.notes,
        )
        self.report(1 - FETCH_SHARE / 2, "Storing the result")
        if self.task.facts_url:
            self.files.put(self.task.facts_url, dump(metadata).encode())
        self.files.put(self.task.output_url, target)
        return metadata

    def _found(self, plan: ExportPlan, paths: list[Path]) -> int:
        """How many segments from the first on an earlier run has stored; they are fetched."""
        for number, slot in enumerate(self.task.segments):
            if not self.files.there(slot.get):
                return number
            self.files.get(slot.get, paths[number], lambda got, of: None)
        return len(self.task.segments)


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
