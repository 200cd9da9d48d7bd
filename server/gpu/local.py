"""This machine's processor: PyTorch on CUDA, else Apple's MPS, else the CPU."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from pycore.protocol import ExportRequest, Processor, ProcessorKind, ReelError
from server.gpu import host
from server.gpu.base import ExportPlan, FinishedFile, SegmentStats, Sources, Stopped
from server.gpu.failures import lost
from server.gpu.finishing import drawn, sized
from server.gpu.interpolation import InSlowMotion, Interpolator
from server.gpu.joining import join_export
from server.gpu.models import registry
from server.gpu.models.descriptor import NOTHING, Descriptor, descriptor
from server.gpu.moving import shots
from server.gpu.outbox import Outbox
from server.gpu.planning import clip_timeline, plan_export
from server.gpu.upscaling import Upscaler
from server.video import decode, encode, files
from server.video.behind import Behind
from server.video.prefetch import ahead
from server.video.probe import inspect

_WAITING_BYTES = 256 << 20
"""Frames that wait for their encoder, per segment, on the device; all of them take a sixteenth of its memory
at most."""
_COMPUTED = 0.98
"""How far a segment is when all of it is computed and nothing written."""


def local_processor(device: str = "auto") -> "LocalProcessor":
    """The processor on `device`: "auto", "cuda", "mps" or "cpu". ReelError `device.unavailable` if it is not
    there."""
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        device = next(name for name, there in available.items() if there)
    if not available.get(device, False):
        there = ", ".join(f"“{name}”" for name, has in available.items() if has)
        raise ReelError.of(
            "device.unavailable",
            "No such device",
            f"There is no device “{device}” for this installation of PyTorch ({torch.__version__}).",
            f"Use “auto” or one of {there}.",
            422,
        )
    return LocalProcessor(torch.device(device))


class LocalProcessor:
    """A GpuProcessor (see base) on one PyTorch device. fp16 on CUDA where the model allows it, else fp32."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._upscaler = Upscaler(device, self.info().name)
        self._interpolator = Interpolator(device)
        # The same input gives the same pixels, run after run.
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        if device.type == "cpu":
            torch.set_num_threads(host.threads())

    def info(self) -> Processor:
        match self._device.type:
            case "cuda":
                return Processor(ProcessorKind.CUDA, torch.cuda.get_device_name(self._device), True)
            case "mps":
                return Processor(ProcessorKind.MPS, f"{host.cpu_name()} GPU", True)
            case _:
                return Processor(ProcessorKind.CPU, host.cpu_name(), True)

    def parallel(self) -> int:
        # A GPU is kept busy by decoding ahead of it and several encoders behind it.
        return min(max(host.cores() // 2, 2), 8) if self._device.type == "cuda" else 1

    def plan(self, sources: Sources, request: ExportRequest) -> ExportPlan:
        plan = plan_export(sources, request)
        if self._device.type == "cuda" and any(clip.scale > 1 for clip in plan.clips):
            # It takes seconds, in which the first frames are decoded.
            threading.Thread(target=self._load, args=(_model(plan),), name="load", daemon=True).start()
        return plan

    def _load(self, model: Descriptor) -> None:
        with contextlib.suppress(ReelError):  # told by the segment that needs it
            registry.load(model, self._device)

    def run_segment(
        self,
        sources: Sources,
        plan: ExportPlan,
        index: int,
        target: Path,
        progress: Callable[[float], None],
        stop: threading.Event,
    ) -> SegmentStats:
        began = time.perf_counter()
        segment = plan.segments[index]
        clip = plan.clips[segment.clip]
        source = sources[plan.request.clips[segment.clip].media_id]
        probed = inspect(source)
        asked = plan.request.clips[segment.clip]
        first = segment.first_frame
        times = clip_timeline(probed.table, clip, asked, plan.timescale)
        rows = times.rows(first, segment.source_frames)
        model = NOTHING if clip.scale == 1 else _model(plan)
        # What lies between the last frame and the next one needs that too.
        behind = min(first + segment.source_frames + bool(times.share[rows.stop - 1]), len(probed.table))
        # A temporal model sees some frames to both sides; they are the source's, whatever the trim.
        around = range(max(first - model.context, 0), min(behind + model.context, len(probed.table)))
        keep = range(first - around.start, behind - around.start)
        shape = plan.out_size.width / plan.out_size.height
        window = clip.in_size if clip.moves else None
        shown_us = probed.table.times_us()[around.start : around.stop]
        made_of = shots(asked, clip.crop, window, clip.source_size, shape, shown_us.tolist())
        moments = times.moments_us(probed.table)[rows]
        seen = shots(asked, clip.crop, window, clip.source_size, shape, moments.tolist())
        crops = [shot.pixels for shot in made_of]
        reached = _Furthest(progress)
        waiting = max(self._waiting_bytes() // (plan.out_size.width * plan.out_size.height * 3 // 2), 4)
        with (
            self._told_of_losses(),
            files.appearing(target) as part,
            encode.SegmentWriter(part, plan.out_size, plan.timescale, plan.fps) as writer,
            contextlib.closing(
                ahead(decode.frames(source, probed, around.start, len(around), crops))
            ) as pictures,
            Behind(waiting) as encoder,
            contextlib.closing(self._upscaler.run(model, pictures, keep, stop, reached.computed)) as larger,
        ):
            large = (sized(each, plan, made_of[number]) for number, each in zip(keep, larger, strict=False))
            row_of, outbox = InSlowMotion(self._interpolator, large), Outbox(self._device)
            for done, row in enumerate(range(rows.start, rows.stop)):
                picture = row_of.picture(int(times.source[row]) - first, float(times.share[row]))
                if stop.is_set():
                    raise Stopped
                at, until = int(times.ticks[row]), int(times.ticks[row + 1])
                made = outbox.put(drawn(picture, seen[done], plan, asked, at))

                def write(
                    fetch: Callable[[], np.ndarray] = made,
                    pts: int = at - int(times.ticks[rows.start]),
                    duration: int = until - at,
                    share: float = (done + 1) / segment.frames,
                ) -> None:
                    writer.write(fetch(), pts, duration)
                    reached.written(share)

                encoder.put(write)
        seconds = time.perf_counter() - began
        notes = [*self._upscaler.notes(model), *self._interpolator.notes()]
        return SegmentStats(segment.frames, seconds, notes)

    def finish(self, sources: Sources, plan: ExportPlan, segments: list[Path], target: Path) -> FinishedFile:
        joined = join_export(sources, plan, segments, target)
        return FinishedFile(
            bytes=target.stat().st_size,
            sha256=files.sha256(target),
            frames=joined.frames,
            duration_us=joined.duration_us,
            has_audio=joined.has_audio,
            notes=[*plan.notes, *joined.notes],
        )

    @contextlib.contextmanager
    def _told_of_losses(self) -> Iterator[None]:
        """ReelError `device.lost` for errors that mean this."""
        try:
            yield
        except RuntimeError as error:
            if not lost(error):
                raise
            registry.forget(self._device)  # whatever lay there
            raise ReelError.of(
                "device.lost",
                "The GPU was lost",
                f"{self.info().name} stopped in the middle of the work: {str(error).splitlines()[0][:200]}",
                "Start the worker again. If it happens again, look at the GPU's driver and temperature.",
                503,
            ) from error

    def _waiting_bytes(self) -> int:
        if self._device.type != "cuda":
            return _WAITING_BYTES
        memory = torch.cuda.get_device_properties(self._device).total_memory
        return min(_WAITING_BYTES, memory // 16 // self.parallel())


class _Furthest:
    """Tells how far a segment is by what is ahead: a window's frames come when half of it is computed, and
    are written a while later."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress
        self._share = 0.0
        self._lock = threading.Lock()

    def computed(self, share: float) -> None:
        self.written(_COMPUTED * share)

    def written(self, share: float) -> None:
        with self._lock:
            if share > self._share:
                self._share = share
                self._progress(share)


def _model(plan: ExportPlan) -> Descriptor:
    if not plan.model_file:
        return descriptor(plan.request.model)
    from server.gpu.models import own

    return own.describe(Path(plan.model_file))
