"""Players through a video on this machine's device."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pycore.protocol import Processor, ReelError, Tracking
from pycore.tracking import ClipSettings, ClipTracker, Detections, Floats
from pycore.tracking.appearance import BINS, kits
from pycore.tracking.columns import tracking_of
from pycore.tracking.cuts import CutDetector, glimpse
from server.gpu.base import Stopped
from server.gpu.detection import detect
from server.gpu.models.detector import NetName
from server.gpu.models.detector_weights import default_net, load
from server.gpu.tracking import Seen, Stretch, TrackingPlan
from server.video import decode
from server.video.prefetch import ahead
from server.video.probe import inspect

WINDOW = 48
"""Frames of a segment: two seconds or less. What is lost when a worker is killed."""
LONGEST = {"cpu": 960}
"""Long side of the net's input by torch's device type: more is scaled down."""
LONGEST_GPU = 1920
LEAST = 1280
"""Less is enlarged where the device allows: players of few pixels are found better so."""


class LocalTracker:
    """A Tracker on the PyTorch device of a local processor, with the best net that it runs in reasonable time
    unless one is named."""

    def __init__(self, processor: Processor, net: NetName | None = None) -> None:
        self._device, self._name = torch.device(processor.kind.value), processor.name
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
        found: list[Detections] = []
        glimpses: list[Floats] = []
        with closing(ahead(pictures)) as frames:
            for done, picture in enumerate(frames, 1):
                if stop.is_set():
                    raise Stopped
                detections, seen = self._look(picture)
                found.append(detections)
                glimpses.append(seen)
                progress(done / segment.frames)
        return Seen(
            np.array([len(each.scores) for each in found], np.int64),
            np.concatenate([each.boxes for each in found]),
            np.concatenate([each.scores for each in found]),
            np.concatenate(
                [np.zeros((0, BINS)), *(each.features for each in found if each.features is not None)]
            ),
            np.stack(glimpses),
        )

    def link(self, source: Path, plan: TrackingPlan, seen: Sequence[Seen]) -> Tracking:
        table = inspect(source).table
        tracker, cutter = ClipTracker(ClipSettings().at_rate(table.fps)), CutDetector()
        cuts: list[int] = []
        number = 0
        for each in seen:
            ends = np.cumsum(each.counts)
            for begin, end, view in zip(ends - each.counts, ends, each.glimpses, strict=True):
                rows = slice(int(begin), int(end))
                if cut := cutter.update(view):
                    cuts.append(number)
                tracker.add(Detections(each.boxes[rows], each.scores[rows], each.kits[rows]), cut=cut)
                number += 1
        first = plan.segments[0].first_frame
        times = table.times_us()[first : first + plan.frames].tolist()
        made_by = f"{self._kind.value} detector on {self._name}"
        return tracking_of(tracker.tracks(), times, plan.size, cuts, made_by)

    def _look(self, picture: NDArray[np.uint8]) -> tuple[Detections, Floats]:
        if self._net is None:
            self._net = load(self._kind, self._device)
        pixels = torch.from_numpy(picture).permute(2, 0, 1).to(self._device)
        people = detect(self._net, pixels, self.scale(picture.shape[1], picture.shape[0])).people
        unit = np.multiply(picture.transpose(2, 0, 1), np.float32(1 / 255), dtype=np.float32)
        return Detections(people.boxes, people.scores, kits(unit, people.boxes)), glimpse(unit)

    def scale(self, width: int, height: int) -> float:
        """How a picture of that size is scaled for the net."""
        longest = LONGEST.get(self._device.type, LONGEST_GPU)
        long = max(width, height)
        return min(max(1.0, min(LEAST, longest) / long), longest / long)
