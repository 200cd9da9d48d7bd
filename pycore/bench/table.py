"""A report as text: `python -m pycore.bench.table` reads what bench.html copies as JSON, and prints it."""

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pycore.protocol import BenchReport, Tier, decode


def lines(report: BenchReport) -> Iterator[str]:
    """For a terminal or a Markdown page: GitHub's tables."""
    name = " ".join(
        dict.fromkeys(each for each in (report.vendor, report.architecture, report.description) if each)
    )
    clock = "the GPU's own clock" if report.timestamps else "the page's clock around batches"
    yield (
        f"{name or 'A GPU that does not tell its name'}: {report.peak_tflops:.1f} TFLOP/s of f32 "
        f"multiply-adds, copies {report.copy_gbs:.0f} GB/s (read + written). Times by {clock}."
    )
    yield f"Features: {', '.join(report.features) or 'none'}."
    yield ""
    sizes = list(dict.fromkeys((each.width, each.height) for each in report.frames))
    took = {(each.tier, each.width, each.height): each for each in report.frames}
    yield (
        "| ms per frame | "
        + " | ".join(f"{width}x{height}" for width, height in sizes)
        + " | inner convolutions |"
    )
    yield "|---|" + "---|" * (len(sizes) + 1)
    for tier in Tier:
        cells = [f"{took[tier, width, height].ms:.3f}" for width, height in sizes]
        share = max(took[tier, width, height].share for width, height in sizes)
        yield f"| {tier} | " + " | ".join(cells) + f" | {f'{share:.0%} of peak' if share else ''} |"
    for frame in report.frames:
        if frame.stages:
            stages = (
                f"{each.name}{f' [{each.kernel}]' if each.kernel else ''} {each.ms:.3f}"
                + (f" ({each.share:.0%})" if each.share else "")
                for each in frame.stages
            )
            yield ""
            yield f"{frame.tier} at {frame.width}x{frame.height}, stage by stage: {', '.join(stages)}"
    if cost := report.cost:
        yield ""
        yield (
            f"On the worker's thread, tier {cost.tier} at {cost.width}x{cost.height}, "
            f"mean of {cost.frames} frames: {cost.total_ms:.3f} ms, of which "
            f"importExternalTexture and close() {cost.import_ms:.3f}, "
            f"getCurrentTexture {cost.canvas_ms:.3f}, encoding and submitting {cost.submit_ms:.3f}, "
            f"Python's bookkeeping {cost.python_ms:.3f}."
        )


def peer_lines(peers: list[dict[str, Any]]) -> Iterator[str]:
    """The peers' times in the same run."""
    sizes = list(dict.fromkeys((each["width"], each["height"]) for each in peers))
    heads = " | ".join(f"{width}x{height}" for width, height in sizes)
    yield f"| peers, ms per frame | {heads} | what was timed |"
    yield "|---|" + "---|" * (len(sizes) + 1)
    for name, group in groupby(sorted(peers, key=lambda each: each["name"]), lambda each: each["name"]):
        rows = list(group)
        took = {(each["width"], each["height"]): f"{each['ms']:.3f}" for each in rows}
        yield f"| {name} | {' | '.join(took.get(size, '') for size in sizes)} | {rows[0]['how']} |"


def playing_line(playing: dict[str, Any]) -> str:
    """A clip that was played."""
    return (
        f"{playing['clip']}, {playing['width']}x{playing['height']} at {playing['fps']} fps, "
        f"tier {playing['tier']}, "
        f"crop {playing['crop']['width']}x{playing['crop']['height']}: {playing['share']:.1%} of "
        f"{playing['frames']} frames reached the canvas in {playing['seconds']:.1f} s (of the video alone "
        f"this browser shows {playing['alone']:.1%}); the page's thread was never blocked for longer than "
        f"{playing['longest_block_ms']:.1f} ms."
    )


def main() -> None:
    result = json.load(sys.stdin)
    print("\n".join(lines(decode(BenchReport, result["ours"]))))
    if result["peers"]:
        print("", *peer_lines(result["peers"]), sep="\n")
    for each in result["playing"]:
        print("", playing_line(each), sep="\n")
    for fault in result["faults"]:
        print("", fault, sep="\n")
    print("", f"{result['made']}, {result['browser']}", sep="\n")


if __name__ == "__main__":
    main()
