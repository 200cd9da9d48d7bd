"""Finding players on this machine: a real clip, the shipped net, PyTorch on the CPU."""

import threading
from pathlib import Path

import numpy as np
import pytest

from pycore.protocol import Processor, ProcessorKind, ReelError, Size
from server.gpu.base import Stopped
from server.gpu.detector_input import net_scale
from server.gpu.local_tracker import WINDOW, LocalTracker
from server.gpu.models.detector import NetName
from server.gpu.tracking import Seen
from server.tests.clips import make

TRACKER = LocalTracker(Processor(ProcessorKind.CPU, "CPU", True), NetName.BROWSER)
GRASS = np.full((96, 160, 3), (60, 120, 50), np.uint8)


def look(source: Path, in_us: int = 0, out_us: int | None = None) -> tuple[list[Seen], list[float]]:
    told: list[float] = []
    plan = TRACKER.plan(source, in_us, out_us)
    return [
        TRACKER.look(source, plan, each.index, told.append, threading.Event()) for each in plan.segments
    ], told


def test_an_empty_pitch_has_no_players_and_a_cut_is_seen(tmp_path: Path) -> None:
    source = make(tmp_path / "clip.mp4", [GRASS] * 4 + [255 - GRASS] * 3)
    plan = TRACKER.plan(source, 0, None)
    seen, told = look(source)
    found = TRACKER.link(source, plan, seen)
    assert (found.size, found.times_us[:2], len(found.times_us)) == (Size(160, 96), [0, 40_000], 7)
    assert found.tracks == [] and found.cuts == [4]
    assert told == pytest.approx([share / 7 for share in range(1, 8)])


def test_a_portrait_clip_of_one_frame(tmp_path: Path) -> None:
    source = make(tmp_path / "clip.mp4", [GRASS[:64]], rotation=90)
    plan = TRACKER.plan(source, 0, None)
    assert plan.size == Size(64, 160)
    found = TRACKER.link(source, plan, look(source)[0])
    assert found.times_us == [0]


def test_a_range_is_cut_into_segments_and_nothing_else_is_looked_at(tmp_path: Path) -> None:
    source = make(tmp_path / "clip.mp4", [GRASS] * (WINDOW + 10))
    plan = TRACKER.plan(source, 200_000, None)
    assert [(each.first_frame, each.frames) for each in plan.segments] == [(5, WINDOW), (5 + WINDOW, 5)]
    with pytest.raises(ReelError, match="Nothing to look at"):
        TRACKER.plan(source, 60_000_000, None)


def test_it_stops_when_told(tmp_path: Path) -> None:
    source = make(tmp_path / "clip.mp4", [GRASS] * 3)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        TRACKER.look(source, TRACKER.plan(source, 0, None), 0, lambda share: None, stop)


@pytest.mark.parametrize(
    ("width", "height", "long"), [(1920, 1080, 960), (3072, 1728, 960), (640, 360, 960), (108, 1920, 960)]
)
def test_pictures_are_brought_to_a_size_that_the_device_can_do(width: int, height: int, long: int) -> None:
    assert max(width, height) * net_scale(Size(width, height), ProcessorKind.CPU) == pytest.approx(long)
