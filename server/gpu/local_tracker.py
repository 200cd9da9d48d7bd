"""Players through a video on this machine's device."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pycore.protocol import Processor, ReelError, Size, Tracking
from pycore.tracking import Detections, Floats
from pycore.tracking.appearance import BINS, kits
from pycore.tracking.cuts import glimpse
from pycore.tracking.decoding import Found
from pycore.tracking.follower import ClipFollower
from server.gpu.base import Stopped
from server.gpu.detection import detect
from server.gpu.detector_input import net_scale
from server.gpu.models.detector import NetName
from server.gpu.models.detector_weights import default_net, load
from server.gpu.tracking import Seen, Stretch, TrackingPlan
from server.video import decode
from server.video.prefetch import ahead
from server.video.probe import inspect

WINDOW = 48
"""Frames of a segment: two seconds or less. What is lost when a worker is killed."""


class LocalTracker:
    """A Tracker on the PyTorch device of a local processor, with the best net that it runs in reasonable time
    unless one is named."""

    def __init__(self, processor: Processor, net: NetName | None = None) -> None:
        self._processor, self._device = processor, torch.device(processor.kind.value)
        self._kind = net or default_net(self._device)
        self._net: torch.nn.Module | None = None

    def plan(self, source: Path, in_us: int, out_us: int | None) -> TrackingPlan:
        probed = inspect(source)
        first, count = probed.table.trim(in_us, probed.table.duration_us if out_us is None else out_us)
        if count == 0:
            raise ReelError.of(
                "tracking.empty-range",
                "Nothing to look at",
                f"No frame is shown from {in_us / 1e6:.3f} s on"
                + ("." if out_us is None else f" and before {out_us / 1e6:.3f} s."),
                "Move the start or the end.",
                422,
            )
        segments = [
            Stretch(index, begin, min(WINDOW, first + count - begin))
            for index, begin in enumerate(range(first, first + count, WINDOW))
        ]
        return TrackingPlan(segments, count, probed.size)

    def look(
        self,
        source: Path,
        plan: TrackingPlan,
        index: int,
        progress: Callable[[float], None],
        stop: threading.Event,
    ) -> Seen:
        segment = plan.segments[index]
        whole = (0, 0, plan.size.width, plan.size.height)
        pictures = decode.frames(source, inspect(source), segment.first_frame, segment.frames, whole)
        people: list[Detections] = []
        balls: list[Detections] = []
        glimpses: list[Floats] = []
        with closing(ahead(pictures)) as frames:
            for done, picture in enumerate(frames, 1):
                if stop.is_set():
                    raise Stopped
                found, unit = self._look(picture)
                people.append(found.people)
                balls.append(found.ball)
                glimpses.append(glimpse(unit))
                progress(done / segment.frames)
        features = [each.features for each in people if each.features is not None]
        return Seen(
            counts=_counts(people),
            ball_counts=_counts(balls),
            boxes=np.concatenate([each.boxes for each in people]),
            scores=np.concatenate([each.scores for each in people]),
            kits=np.concatenate([np.zeros((0, BINS)), *features]),
            ball_boxes=np.concatenate([each.boxes for each in balls]),
            ball_scores=np.concatenate([each.scores for each in balls]),
            glimpses=np.stack(glimpses),
        )

    def link(self, source: Path, plan: TrackingPlan, seen: Sequence[Seen]) -> Tracking:
        table = inspect(source).table
        follower = ClipFollower(plan.size, table.fps)
        first = plan.segments[0].first_frame
        times = iter(table.times_us()[first : first + plan.frames].tolist())
        for each in seen:
            people = _frames(each.counts, each.boxes, each.scores, each.kits)
            balls = _frames(each.ball_counts, each.ball_boxes, each.ball_scores, None)
            for one, ball, view in zip(people, balls, each.glimpses, strict=True):
                follower.add(next(times), one, ball, view)
        return follower.tracking(f"ReelBallers' {self._kind.value} detector on {self._processor.name}")

    def _look(self, picture: NDArray[np.uint8]) -> tuple[Found, NDArray[np.float32]]:
        """What is in the picture, people with their kits, and the picture as (3, H, W) in 0…1."""
        if self._net is None:
            self._net = load(self._kind, self._device)
        size = Size(picture.shape[1], picture.shape[0])
        pixels = torch.from_numpy(picture).permute(2, 0, 1).to(self._device)
        found = detect(self._net, pixels, net_scale(size, self._processor.kind))
        unit = np.multiply(picture.transpose(2, 0, 1), np.float32(1 / 255), dtype=np.float32)
        people = found.people
        return Found(Detections(people.boxes, people.scores, kits(unit, people.boxes)), found.ball), unit


def _counts(frames: list[Detections]) -> NDArray[np.int64]:
    return np.array([len(each.scores) for each in frames], np.int64)


def _frames(
    counts: NDArray[np.int64], boxes: Floats, scores: Floats, features: Floats | None
) -> Iterator[Detections]:
    """Each frame's rows of columns."""
    for end, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
        rows = slice(end - count, end)
        yield Detections(boxes[rows], scores[rows], None if features is None else features[rows])
