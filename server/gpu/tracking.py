"""What tracking jobs ask of a processor: find players in a video, and tell who is who. From detections on it
is the same code as in the browser. Importing this loads no torch.

    plan = tracker.plan(source, in_us, out_us)
    seen = [tracker.look(source, plan, segment.index, progress, stop) for segment in plan.segments]
    tracking = tracker.link(source, plan, seen)
"""

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pycore.protocol import Size, Tracking
from pycore.tracking import Floats


@dataclass(frozen=True, slots=True)
class Stretch:
    """`frames` frames from `first_frame` of the frame table: what one step looks at."""

    index: int
    first_frame: int
    frames: int


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """Which frames of the source's frame table are looked at, in windows. `size`: the display size."""

    segments: list[Stretch]
    frames: int
    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the detector saw in a segment, as columns: counts (F,) of each frame's players, and of all of
    them, one after the other, boxes (N, 4), scores (N,), kits (N, BINS); ball_counts (F,), ball_boxes (M, 4),
    ball_scores (M,) of candidates for the ball; glimpses (F, ROWS, COLUMNS, 3)."""

    counts: NDArray[np.int64]
    ball_counts: NDArray[np.int64]
    boxes: Floats
    scores: Floats
    kits: Floats
    ball_boxes: Floats
    ball_scores: Floats
    glimpses: Floats

    def to_bytes(self) -> bytes:
        target = io.BytesIO()
        np.savez_compressed(
            target,
            counts=self.counts.astype(np.int32),
            ball_counts=self.ball_counts.astype(np.int32),
            **{name: getattr(self, name).astype(np.float32) for name in _COLUMNS},
        )
        return target.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> "Seen":
        with np.load(io.BytesIO(data), allow_pickle=False) as table:
            return Seen(
                table["counts"].astype(np.int64),
                table["ball_counts"].astype(np.int64),
                *(table[name].astype(np.float64) for name in _COLUMNS),
            )


_COLUMNS = ("boxes", "scores", "kits", "ball_boxes", "ball_scores", "glimpses")


class Tracker(Protocol):
    """Something that runs tracking jobs. All methods block; raise ReelError for what a person can act on."""

    def plan(self, source: Path, in_us: int, out_us: int | None) -> TrackingPlan:
        """Frames from `in_us` on and before `out_us` (None: to the end). ReelError for a source that is no
        usable video and for an empty range."""
        ...

    def look(
        self,
        source: Path,
        plan: TrackingPlan,
        index: int,
        progress: Callable[[float], None],
        stop: threading.Event,
    ) -> Seen:
        """Detects the players of one segment. `progress` gets the segment's share done. Raises Stopped soon
        after `stop` is set."""
        ...

    def link(self, source: Path, plan: TrackingPlan, seen: Sequence[Seen]) -> Tracking:
        """Who is who over all segments."""
        ...
