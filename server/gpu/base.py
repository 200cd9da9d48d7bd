"""What jobs ask of a processor. Read this first: everything in `server.gpu` and `server.video` serves this
contract.

An export is planned once, then run segment by segment, in any order and by any process, then joined:

    plan = processor.plan(source, spec)
    for segment in plan.segments:
        processor.run_segment(source, plan, segment.index, path, progress, stop)
    processor.finish(source, plan, paths, target)

Exactness: identical pixels for the same windows on the same device and software; identical bytes for the same
plan there. The dataclasses are JSON-able through pydantic's TypeAdapter (a durable step stores them).
Importing this loads no torch.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pycore.protocol import ModelName, Processor, Rect, Size


class Stopped(Exception):
    """`run_segment` saw its stop event. Nothing was left under the target's name."""


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """A crop of a range of a video, upscaled to `size` (even sides).

    `in_us` is the first moment shown, `out_us` the first not shown (microseconds from the first presented
    frame); `crop` is in display pixels. A crop whose shape differs from `size`'s is narrowed around its
    centre until it fills it.
    """

    in_us: int
    out_us: int
    crop: Rect
    size: Size
    model: ModelName = ModelName.QUICK


@dataclass(frozen=True, slots=True)
class Segment:
    """A window of 1 to 2 s: `frames` frames from `first_frame`, numbered in the source's frame table. The
    windows lie on a grid from the source's first frame, so the same frames fall into the same windows
    whatever the trim."""

    index: int
    first_frame: int
    frames: int


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """How an export is made; the same for everyone who runs it.

    `source_size` is the source's display size, `crop` the whole pixels read from it (inside `spec.crop`),
    `in_size` the crop's size, `out_size` the result's. `frames` of them are made, shown for `duration_us`.
    `scale` is the model's factor, so `frames * in_size * scale**2` pixels come out of the net: see
    `server.gpu.estimates.work_pixels`. `notes` are for people.
    """

    spec: ExportSpec
    segments: list[Segment]
    frames: int
    source_size: Size
    crop: Rect
    in_size: Size
    out_size: Size
    scale: int
    duration_us: int
    has_audio: bool
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SegmentStats:
    """What one segment took: wall seconds, decoding and encoding included."""

    frames: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FinishedFile:
    """The joined MP4: its length in bytes, hex SHA-256, frames, duration, and `notes` for people ("The sound
    was re-encoded: ...")."""

    bytes: int
    sha256: str
    frames: int
    duration_us: int
    has_audio: bool
    notes: list[str] = field(default_factory=list)


class GpuProcessor(Protocol):
    """Something that runs exports. All methods block; raise ReelError for what a person can act on."""

    def info(self) -> Processor:
        """Which device this is, by the name that people know."""
        ...

    def plan(self, source: Path, spec: ExportSpec) -> ExportPlan:
        """Checks the request against the source and cuts it into segments. Decodes nothing. ReelError for a
        source that is no usable video, a crop outside the picture, an odd size, an empty range, an unknown
        model."""
        ...

    def run_segment(
        self,
        source: Path,
        plan: ExportPlan,
        index: int,
        target: Path,
        progress: Callable[[float], None],
        stop: threading.Event,
    ) -> SegmentStats:
        """Makes `plan.segments[index]` and writes it to `target` (an MP4 of video alone), which appears
        complete or not at all.

        `progress` gets the segment's share done, 0 to 1, after every frame. Raises Stopped soon after `stop`
        is set.
        """
        ...

    def finish(self, source: Path, plan: ExportPlan, segments: list[Path], target: Path) -> FinishedFile:
        """Joins the segments' packets, adds the source's sound and writes the MP4 at `target`, complete or
        not at all. `segments` are the files of `plan.segments`, in that order."""
        ...
