"""What `reelballers export` tells: its progress and its result."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pycore.protocol import ExportResult
from server.gpu.base import ExportPlan, FinishedFile, GpuProcessor
from server.gpu.estimates import Work, estimate


@contextlib.contextmanager
def progress(console: Console, plan: ExportPlan, *, hidden: bool) -> Iterator[Callable[[float], None]]:
    columns = (
        TextColumn("Upscaling"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=hidden or not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task("", total=plan.frames)
        yield lambda frames: bar.update(task, completed=round(frames))


def result_of(
    processor: GpuProcessor, plan: ExportPlan, finished: FinishedFile, seconds: float
) -> ExportResult:
    device = processor.info()
    model = plan.request.model
    expected = None
    if not plan.model_file:
        expected = estimate(device, Work.of_export(plan.work_pixels, plan.frames, model))
    return ExportResult(
        bytes=finished.bytes,
        seconds=round(seconds, 3),
        frames=finished.frames,
        fps=round(finished.frames / seconds, 3),
        device=device.name,
        model=model,
        in_size=plan.clips[0].in_size,
        out_size=plan.out_size,
        duration_us=finished.duration_us,
        has_audio=finished.has_audio,
        estimated_seconds=expected.seconds if expected else 0.0,
        estimated_cost_usd=0.0,
        actual_cost_usd=0.0,
        sha256=finished.sha256,
        notes=finished.notes,
    )


def summary(target: Path, result: ExportResult, plan: ExportPlan) -> str:
    was, made = result.in_size, result.out_size
    model = Path(plan.model_file).name or result.model.value
    lines = [
        f"{target}",
        f"  {result.frames} frames, {result.duration_us / 1e6:.2f} s, {result.bytes / 1e6:.2f} MB, "
        f"{'with' if result.has_audio else 'without'} sound",
        f"  {was.width}×{was.height} → {made.width}×{made.height}, model “{model}”",
        f"  {result.seconds:.1f} s at {result.fps:.2f} frames/s on {result.device}",
        *(f"  Note: {note}" for note in result.notes),
    ]
    return "\n".join(lines)
