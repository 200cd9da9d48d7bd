"""A clip of ten minutes: memory does not grow with it."""

import threading
from fractions import Fraction
from pathlib import Path

import pytest

from pycore.protocol import ExportClip, ExportRequest, Rect, Size
from server.gpu.local import local_processor
from server.tests import clips

MINUTES, RATE = 10, 10


def resident() -> int:
    """Bytes of this process and of those that it began (the decoder)."""
    own = Path("/proc/self")
    begun = [pid for task in own.glob("task/*/children") for pid in task.read_text().split()]
    pages = [int((Path("/proc") / pid / "statm").read_text().split()[1]) for pid in ["self", *begun]]
    return sum(pages) * 4096


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_ten_minutes(tmp_path: Path) -> None:
    frames = clips.numbered(80, 48, 32)
    source = tmp_path / "in.mp4"
    clips.make(source, frames * (MINUTES * 60 * RATE // 80), time_base=Fraction(1, RATE), audio="aac")
    sources = {"in": source}
    request = ExportRequest([ExportClip("in", 0, 10**12, Rect(0, 0, 48, 32))], Size(96, 64))
    processor = local_processor("cpu")
    plan = processor.plan(sources, request)
    assert plan.frames == MINUTES * 60 * RATE
    parts = [tmp_path / f"{segment.index}.mp4" for segment in plan.segments]
    taken: list[int] = []
    for segment, part in zip(plan.segments, parts, strict=True):
        processor.run_segment(sources, plan, segment.index, part, lambda share: None, threading.Event())
        taken.append(resident())
    third = len(taken) // 3
    assert max(taken[-third:]) < max(taken[:third]) + 24 * 2**20
    made = processor.finish(sources, plan, parts, tmp_path / "out.mp4")
    assert resident() < max(taken) + 96 * 2**20, "joining copies packets"
    assert (made.frames, made.duration_us) == (plan.frames, MINUTES * 60 * 1_000_000)
