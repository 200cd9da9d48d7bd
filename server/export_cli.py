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

from pycore.protocol import (
    Framing,
    Music,
    ReelError,
    Spotlight,
    SpotlightStyle,
    encode,
)
from server import export_motion
from server.export_options import MUSIC, SOURCE, check_target, own_model, size_of, usage
from server.export_options import request as export_request
from server.export_telling import progress, result_of, summary
from server.gpu.base import ExportPlan, FinishedFile, GpuProcessor, SegmentStats, Sources, Stopped, with_notes
from server.gpu.planning import plan_export
from server.gpu.segments import run_segments
from server.video.probe import inspect

INTERRUPTED = 130


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
        check_target(source, target, force)
        if track is not None and path is not None:
            raise usage("--track and --path both say where the crop goes.", "Give one of them.")
        if spotlight != SpotlightStyle.NONE and track is None:
            raise usage("--spotlight does not say on whom.", "Name a player by --track FILE/ID.")
        wanted = export_motion.size_of(aspect, size) or size_of(size)
        request = export_request(source, wanted, crop, model, start, end)
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
        plan = plan_export(sources, request, own_model(model))
        from server.gpu.local import local_processor

        processor = local_processor(device)
        with progress(console, plan, hidden=as_json) as advance, _stop_on_interrupt() as stop:
            finished, seconds = _run(processor, sources, plan, target, advance, stop)
        result = result_of(processor, plan, finished, seconds)
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
    click.echo(json.dumps(encode(result), indent=2) if as_json else summary(target, result, plan))


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
