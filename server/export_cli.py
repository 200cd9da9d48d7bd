"""`reelballers export`: an export on the command line, by the same plan, segments and join as the server's
jobs."""

import contextlib
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pycore.protocol import (
    ExportClip,
    ExportRequest,
    ExportResult,
    Framing,
    ModelName,
    Music,
    Rect,
    ReelError,
    Size,
    Spotlight,
    SpotlightStyle,
    encode,
)
from server import export_motion
from server.gpu.base import ExportPlan, FinishedFile, GpuProcessor, SegmentStats, Sources, Stopped, with_notes
from server.gpu.estimates import Work, estimate
from server.gpu.models.descriptor import Descriptor, descriptor
from server.gpu.planning import plan_export
from server.gpu.segments import run_segments
from server.video.probe import inspect

INTERRUPTED = 130
SOURCE, MUSIC = "source", "music"
"""The media id of the file on the command line."""


@click.command()
@click.argument("source", metavar="IN.mp4", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.mp4", type=click.Path(path_type=Path))
@click.option(
    "--size",
    metavar="WxH",
    help="Size of the result in pixels, both sides even: 1080x1920  [needed without --aspect]",
)
@click.option(
    "--aspect", type=click.Choice(export_motion.aspects()), help="Shape of the result, at its usual size."
)
@click.option(
    "--crop",
    metavar="X,Y,W,H",
    help="What to show, in pixels of the upright picture  "
    "[default: as much as the result's shape can show, centred]",
)
@click.option("--track", metavar="FILE/ID", help="Follow that player of a tracking document: tracks.json/7.")
@click.option("--path", type=click.Path(path_type=Path), help="Move the crop along the path in this file.")
@click.option(
    "--share",
    type=click.FloatRange(0.05, 0.9),
    default=0.3,
    show_default=True,
    help="With --track: the player's height as a share of the crop's.",
)
@click.option(
    "--spotlight",
    type=click.Choice([each.value for each in SpotlightStyle]),
    default=SpotlightStyle.NONE.value,
    show_default=True,
    help="With --track: how the player is marked.",
)
@click.option("--name", default="", help="With --spotlight: the name to write above the player.")
@click.option(
    "--model",
    default="quick",
    show_default=True,
    help="quick, best, perceptual, or your own: FILE.safetensors, which spandrel recognises.",
)
@click.option("--start", metavar="TIME", help="First moment to show: seconds, or [HH:]MM:SS.")
@click.option("--end", metavar="TIME", help="First moment not to show.")
@click.option("--music", type=click.Path(path_type=Path), help="Music under the sound: MP3, M4A, WAV, FLAC …")
@click.option("--volume", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of the music.")
@click.option("--device", default="auto", show_default=True, help="auto, cuda, mps or cpu.")
@click.option("--force", is_flag=True, help="Replace OUT.mp4 if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(
    source: Path,
    target: Path,
    size: str | None,
    aspect: str | None,
    crop: str | None,
    track: str | None,
    path: Path | None,
    share: float,
    spotlight: str,
    name: str,
    model: str,
    start: str | None,
    end: str | None,
    music: Path | None,
    volume: float,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    """Crops, trims and upscales a video into an MP4 (H.264, the sound copied).

    Exit codes: 0, 2 for what was asked wrongly, 1 for what went wrong, 130 when stopped; OUT.mp4 is there
    only after 0.
    """
    console = Console(stderr=True)
    try:
        source, target = source.resolve(), target.resolve()
        _check_target(source, target, force)
        if track is not None and path is not None:
            raise _usage("--track and --path both say where the crop goes.", "Give one of them.")
        if spotlight != SpotlightStyle.NONE and track is None:
            raise _usage("--spotlight does not say on whom.", "Name a player by --track FILE/ID.")
        wanted = export_motion.size_of(aspect, size) or _size(size)
        request = _request(source, wanted, crop, model, start, end)
        if track is not None:
            marked = replace(request.clips[0], spotlight=Spotlight(SpotlightStyle(spotlight), name))
            framing = Framing(player_share=share)
            clip = export_motion.followed(marked, inspect(source), wanted, track, framing)
            request = replace(request, clips=[clip])
        elif path is not None:
            request = replace(request, clips=[export_motion.along(request.clips[0], path)])
        sources = {SOURCE: source}
        if music is not None:
            sources[MUSIC] = music.resolve()
            request = replace(request, music=Music(MUSIC, volume=volume))
        # before torch is loaded, where it can be: a mistake is answered at once
        plan = plan_export(sources, request, _own(model))
        from server.gpu.local import local_processor

        processor = local_processor(device)
        with _progress(console, plan, hidden=as_json) as advance, _stop_on_interrupt() as stop:
            finished, seconds = _run(processor, sources, plan, target, advance, stop)
        result = _result(processor, plan, finished, seconds)
    except (KeyboardInterrupt, Stopped):
        console.print("Stopped; nothing was written.", markup=False)
        sys.exit(INTERRUPTED)
    except OSError as error:
        raise ReelError.of(
            "export.write-failed",
            "The export could not be written",
            f"{error.filename or target}: {error.strerror or error}.",
            "Make room or choose another place.",
            507,
        ) from error
    click.echo(json.dumps(encode(result), indent=2) if as_json else _summary(target, result, plan))


def _run(
    processor: GpuProcessor,
    sources: Sources,
    plan: ExportPlan,
    target: Path,
    advance: Callable[[float], None],
    stop: threading.Event,
) -> tuple[FinishedFile, float]:
    began = time.perf_counter()
    # Beside the target, where there must be room for the result anyway
    with tempfile.TemporaryDirectory(prefix=".reelballers-", dir=target.parent) as folder:
        parts = [Path(folder) / f"{segment.index}.mp4" for segment in plan.segments]
        shares = dict.fromkeys(range(len(parts)), 0.0)

        def run(index: int, halt: threading.Event) -> SegmentStats:
            def progress(share: float) -> None:
                shares[index] = share * plan.segments[index].frames
                advance(sum(shares.values()))

            return processor.run_segment(sources, plan, index, parts[index], progress, halt)

        stats = run_segments(processor.parallel(), range(len(parts)), run, stop)
        if stop.is_set():
            raise Stopped
        finished = processor.finish(sources, plan, parts, target)
        return with_notes(finished, stats), time.perf_counter() - began


def _request(
    source: Path, size: Size, crop: str | None, model: str, start: str | None, end: str | None
) -> ExportRequest:
    name = ModelName.OWN if _is_file(model) else descriptor(model).name
    probed = inspect(source)
    if crop is None:
        scale = min(probed.size.width / size.width, probed.size.height / size.height)
        width, height = size.width * scale, size.height * scale
        rect = Rect((probed.size.width - width) / 2, (probed.size.height - height) / 2, width, height)
    else:
        rect = _crop(crop)
    in_us = 0 if start is None else _time(start, "--start")
    out_us = probed.table.duration_us if end is None else _time(end, "--end")
    return ExportRequest([ExportClip(SOURCE, in_us, out_us, rect)], size, name)


def _is_file(model: str) -> bool:
    return "." in model or "/" in model


def _own(model: str) -> Descriptor | None:
    """The user's own model; None for one of ours."""
    if not _is_file(model):
        return None
    from server.gpu.models import own

    return own.describe(Path(model).resolve())


def _check_target(source: Path, target: Path, force: bool) -> None:
    if target.suffix.lower() != ".mp4":
        raise _usage(f"The result is an MP4, but {target.name} does not end in .mp4.", "Name it so.")
    if not target.parent.is_dir():
        raise _usage(f"There is no folder {target.parent}.", "Make it first, or choose another place.")
    if source == target:
        raise _usage("The result would overwrite its own source.", "Choose another name.")
    if target.exists() and not force:
        raise _usage(f"{target} exists already.", "Choose another name, or replace it with --force.")


def _size(text: str | None) -> Size:
    if text is None:
        raise _usage("How large the result shall be is not said.", "Give --size 1080x1920 or --aspect 9:16.")
    numbers = _numbers(text.lower().replace("×", "x").split("x"), 2)
    if numbers is None or any(number != int(number) for number in numbers):
        raise _usage(f"--size {text!r} is no size.", "Write width x height, as in --size 1080x1920.")
    return Size(int(numbers[0]), int(numbers[1]))


def _crop(text: str) -> Rect:
    numbers = _numbers(text.split(","), 4)
    if numbers is None:
        raise _usage(
            f"--crop {text!r} is no crop.", "Write left,top,width,height, as in --crop 656,0,608,1080."
        )
    return Rect(*numbers)


def _time(text: str, option: str) -> int:
    """ "83.5", "1:23.5" or "0:01:23.5" in microseconds."""
    parts = text.split(":")
    numbers = _numbers(parts, len(parts)) if len(parts) <= 3 else None
    if numbers is None or any(number < 0 for number in numbers):
        raise _usage(
            f"{option} {text!r} is no time.", "Write seconds (83.5) or minutes and seconds (1:23.5)."
        )
    seconds = 0.0
    for number in numbers:
        seconds = seconds * 60 + number
    return round(seconds * 1_000_000)


def _numbers(parts: list[str], count: int) -> list[float] | None:
    if len(parts) != count:
        return None
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    return numbers if all(abs(number) < 1e9 for number in numbers) else None


def _usage(detail: str, hint: str) -> ReelError:
    return ReelError.of("usage", "Cannot export", detail, hint, 422)


@contextlib.contextmanager
def _progress(console: Console, plan: ExportPlan, *, hidden: bool) -> Iterator[Callable[[float], None]]:
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


@contextlib.contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """The event is set at Ctrl-C or SIGTERM, so that the frame at work ends in order; a second one interrupts
    at once."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _result(
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


def _summary(target: Path, result: ExportResult, plan: ExportPlan) -> str:
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
