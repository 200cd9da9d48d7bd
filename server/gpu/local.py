"""This machine's processor: PyTorch on CUDA, else Apple's MPS, else the CPU."""

import contextlib
import functools
import logging
import os
import platform
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pycore.protocol import ExportClip, ExportRequest, ModelName, Processor, ProcessorKind, Rect, ReelError
from pycore.spotlight.title import title_mark
from server.gpu import pixels
from server.gpu.base import ExportPlan, FinishedFile, SegmentStats, Sources, Stopped
from server.gpu.joining import join_export
from server.gpu.models import registry
from server.gpu.models.descriptor import Descriptor, descriptor
from server.gpu.moving import Shot, shots
from server.gpu.placing import placed
from server.gpu.planning import clip_timeline, plan_export
from server.gpu.spotlight import draw
from server.gpu.tiles import tiles
from server.video import decode, encode, files
from server.video.prefetch import ahead
from server.video.probe import inspect

_log = logging.getLogger(__name__)
_SMALLEST_TILE = 64 * 64


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
        self._tile_pixels: dict[ModelName, int] = {}
        # The same input gives the same pixels, run after run.
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        if device.type == "cpu":
            torch.set_num_threads(_threads())

    def info(self) -> Processor:
        match self._device.type:
            case "cuda":
                return Processor(ProcessorKind.CUDA, torch.cuda.get_device_name(self._device), True)
            case "mps":
                return Processor(ProcessorKind.MPS, f"{_cpu_name()} GPU", True)
            case _:
                return Processor(ProcessorKind.CPU, _cpu_name(), True)

    def plan(self, sources: Sources, request: ExportRequest) -> ExportPlan:
        return plan_export(sources, request)

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
        made_of = shots(
            asked,
            clip.crop,
            clip.in_size if clip.moves else None,
            clip.source_size,
            plan.out_size.width / plan.out_size.height,
            probed.table.times_us()[first : first + segment.source_frames].tolist(),
        )
        pictures = decode.frames(
            source, probed, first, segment.source_frames, [shot.pixels for shot in made_of]
        )
        with (
            files.appearing(target) as part,
            encode.SegmentWriter(part, plan.out_size, plan.timescale, plan.fps) as writer,
            contextlib.closing(ahead(pictures)) as pictures,
        ):
            number = -1
            finished: Tensor | None = None
            for done, row in enumerate(range(rows.start, rows.stop)):
                if stop.is_set():
                    raise Stopped
                if int(times.source[row]) - first != number:
                    number = int(times.source[row]) - first
                    finished = self.finished(next(pictures), plan, stop, made_of[number])
                assert finished is not None
                at, behind = int(times.ticks[row]), int(times.ticks[row + 1])
                begin = int(times.ticks[rows.start])
                made = self._titled(finished, plan, asked, at)
                writer.write(made, at - begin, behind - at)
                progress((done + 1) / segment.frames)
        return SegmentStats(segment.frames, time.perf_counter() - began)

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

    def upscale(
        self, picture: np.ndarray, plan: ExportPlan, stop: threading.Event, shot: Shot | None = None
    ) -> np.ndarray:
        """`finished` as uint8 yuv420p, (3/2 H, W)."""
        return self._coded(self.finished(picture, plan, stop, shot))

    def _coded(self, rgb: Tensor) -> np.ndarray:
        with torch.inference_mode():
            return pixels.to_yuv420(rgb).cpu().numpy()

    def _titled(self, rgb: Tensor, plan: ExportPlan, asked: ExportClip, ticks: int) -> np.ndarray:
        """With the clip's title, `ticks` after its beginning."""
        size, time_us = plan.out_size, round(ticks * 1_000_000 / plan.timescale)
        mark = title_mark(asked.title, size, time_us, asked.freeze_us) if asked.title else None
        if mark is not None:
            with torch.inference_mode():
                rgb = draw(rgb, Rect(0, 0, size.width, size.height), mark)
        return self._coded(rgb)

    def finished(
        self, picture: np.ndarray, plan: ExportPlan, stop: threading.Event, shot: Shot | None = None
    ) -> Tensor:
        """One cropped frame, uint8 RGB (h, w, 3), through the model and to the output's size: RGB in [0, 1],
        (1, 3, H, W). `shot`: where the crop lies in it and what is drawn on it.

        Pictures too large for the device go through in tiles; when its memory runs out, in smaller ones from
        then on.
        """
        model = descriptor(plan.request.model)
        while True:
            limit = self._tile_pixels.get(model.name, model.tile_pixels[self._device.type])
            try:
                with torch.inference_mode():
                    large = self._through_net(picture, model, limit, stop)
                    return _finished(large, plan, shot)
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                if limit // 2 < _SMALLEST_TILE:
                    raise ReelError.of(
                        "device.out-of-memory",
                        "Out of memory",
                        f"{self.info().name} has too little memory free for a picture of "
                        f"{picture.shape[1]}×{picture.shape[0]}.",
                        "Close other programs, choose a smaller crop, or use another device.",
                        507,
                    ) from error
                limit = min(limit, picture.shape[0] * picture.shape[1])
                self._tile_pixels[model.name] = limit // 2
                _log.warning(
                    "Out of memory on %s: going on with tiles of %d pixels", self._device, limit // 2
                )
            if self._device.type == "cuda":
                torch.cuda.empty_cache()

    def _through_net(
        self, picture: np.ndarray, model: Descriptor, limit: int, stop: threading.Event
    ) -> Tensor:
        dtype = torch.float16 if self._device.type == "cuda" and model.half else torch.float32
        net = registry.load(model.name, self._device, dtype)
        height, width, _ = picture.shape
        scale = model.scale
        rgb = torch.from_numpy(picture).to(self._device).permute(2, 0, 1)[None].to(dtype) / 255
        result = torch.empty((1, 3, height * scale, width * scale), dtype=torch.float32, device=self._device)
        for tile in tiles(width, height, limit, model.radius + 1):
            if stop.is_set():
                raise Stopped
            piece = rgb[:, :, tile.top : tile.bottom, tile.left : tile.right]
            made = net(piece.contiguous(memory_format=torch.channels_last))
            rows = slice(tile.inner_top * scale, tile.inner_bottom * scale)
            columns = slice(tile.inner_left * scale, tile.inner_right * scale)
            down, along = (tile.inner_top - tile.top) * scale, (tile.inner_left - tile.left) * scale
            result[:, :, rows, columns] = made[
                :, :, down : down + rows.stop - rows.start, along : along + columns.stop - columns.start
            ]
        return result


def _finished(large: Tensor, plan: ExportPlan, shot: Shot | None) -> Tensor:
    """The upscaled picture at the output's size, with its spotlight."""
    if shot is None or shot.window is None:
        result = pixels.resize(large, plan.out_size)
    else:
        result = placed(large, shot.window, shot.crop, plan.out_size)
    return result if shot is None or shot.mark is None else draw(result, shot.crop, shot.mark)


def _out_of_memory(error: RuntimeError) -> bool:
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "allocate memory" in str(error)
        or "out of memory" in str(error)
    )


def _threads() -> int:
    """$REELBALLERS_THREADS, else all cores but one, which stays free for the API and the encoder."""
    configured = os.environ.get("REELBALLERS_THREADS", "")
    if configured:
        if not configured.isdecimal() or int(configured) < 1:
            raise ReelError.of(
                "config.threads",
                "Bad setting",
                f"REELBALLERS_THREADS is {configured!r}.",
                "Set it to a number of threads, 1 or more, or leave it unset.",
                500,
            )
        return int(configured)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(usable - 1, 1)


@functools.cache
def _cpu_name() -> str:
    """The processor's name as its maker writes it."""
    if platform.system() == "Darwin":
        call = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return " ".join(value.replace("(R)", "").replace("(TM)", "").split())
    return platform.processor() or f"{platform.machine()} CPU"
