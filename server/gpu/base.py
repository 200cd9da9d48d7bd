"""What jobs ask of a processor. Read this first: everything in `server.gpu` and `server.video` serves this
contract.

An export is planned once, then run segment by segment, in any order and by any process, then joined:

    plan = processor.plan(sources, request)
    for segment in plan.segments:
        processor.run_segment(sources, plan, segment.index, path, progress, stop)
    processor.finish(sources, plan, paths, target)

Exactness: identical pixels for the same windows on the same device and software; identical bytes for the same
plan there. The dataclasses are JSON-able through pydantic's TypeAdapter (a durable step stores them).
Importing this loads no torch.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pycore.protocol import ExportRequest, Processor, Rect, Size

Sources = Mapping[str, Path]
"""Where the files of an export lie, by media id: all of `ExportRequest.media_ids()`."""


class Stopped(Exception):
    """`run_segment` saw its stop event. Nothing was left under the target's name."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A window of 1 to 2 s of one clip (`clip` is its place in the request): `frames` frames of the result,
    made of `source_frames` frames from `first_frame`, numbered in the source's frame table. The windows lie
    on a grid from the source's first frame, so the same frames fall into the same windows whatever the
    trim."""

    index: int
    clip: int
    first_frame: int
    source_frames: int
    frames: int


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """How one clip is made, from `frames` frames of its source, `first_frame` the first, shown for
    `duration_us`.

    `source_size` is the source's display size, `crop` the whole pixels read from it (inside the asked one),
    `in_size` what goes through the net: the crop's size, or, where the crop `moves`, that of the window
    around it, the same for the whole clip (see server.gpu.moving). `scale` is the model's factor. `between`:
    how many frames are made between those of the source, for slow motion.
    """

    first_frame: int
    frames: int
    source_size: Size
    crop: Rect
    in_size: Size
    scale: int
    duration_us: int
    has_audio: bool
    moves: bool = False
    between: int = 0


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """How an export is made; the same for everyone who runs it.

    `request` is what was asked; `clips` are its clips, in order; `segments` those of all clips, in order.
    `frames` frames of `out_size` are made, shown for `duration_us`. `fps` is what the encoder's rate control
    assumes, `timescale` the ticks per second of the result's timestamps. `notes` are for people.
    `model_file`: the user's own model, where `request.model` says so.
    """

    request: ExportRequest
    clips: list[ClipPlan]
    segments: list[Segment]
    frames: int
    out_size: Size
    fps: float
    timescale: int
    duration_us: int
    has_audio: bool
    notes: list[str] = field(default_factory=list)
    model_file: str = ""

    @property
    def work_pixels(self) -> float:
        """Pixels that come out of the nets: what an estimate goes by (see server.gpu.estimates)."""
        upscaled = sum(
            clip.frames * clip.in_size.width * clip.in_size.height * clip.scale**2 for clip in self.clips
        )
        between = sum(clip.between for clip in self.clips) * self.out_size.width * self.out_size.height
        return float(upscaled + between)


@dataclass(frozen=True, slots=True)
class SegmentStats:
    """What one segment took: wall seconds, decoding and encoding included. `notes` are for people."""

    frames: int
    seconds: float
    notes: list[str] = field(default_factory=list)


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


def with_notes(finished: FinishedFile, segments: Sequence[SegmentStats]) -> FinishedFile:
    """The same with what the segments noted, each note once."""
    return replace(
        finished, notes=list(dict.fromkeys([*finished.notes, *(n for s in segments for n in s.notes)]))
    )


class GpuProcessor(Protocol):
    """Something that runs exports. All methods block; raise ReelError for what a person can act on."""

    def info(self) -> Processor:
        """Which device this is, by the name that people know."""
        ...

    def parallel(self) -> int:
        """How many segments to run at once to keep the device busy: see server.gpu.segments."""
        ...

    def plan(self, sources: Sources, request: ExportRequest) -> ExportPlan:
        """Checks the request against the sources and cuts it into segments. Decodes no more than first
        frames. ReelError for a source that is no usable video, a crop outside the picture, an odd size, an
        empty range, an unknown model."""
        ...

    def run_segment(
        self,
        sources: Sources,
        plan: ExportPlan,
        index: int,
        target: Path,
        progress: Callable[[float], None],
        stop: threading.Event,
    ) -> SegmentStats:
        """Makes `plan.segments[index]` and writes it to `target` (an MP4 of video alone), which appears
        complete or not at all. May be called from several threads at once.

        `progress` gets the segment's share done, 0 to 1, after every frame. Raises Stopped soon after `stop`
        is set.
        """
        ...

    def finish(self, sources: Sources, plan: ExportPlan, segments: list[Path], target: Path) -> FinishedFile:
        """Joins the segments' packets, adds the sound and writes the MP4 at `target`, complete or
        not at all. `segments` are the files of `plan.segments`, in that order."""
        ...
