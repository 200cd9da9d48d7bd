"""Analysing a clip: every picture is looked at, players are followed from one to the next, and at the end
the whole is linked with look-ahead."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from pycore.detection.decoder import Decoder
from pycore.detection.seen import Answer, Detector, Seen
from pycore.protocol import AnalysisFinished, AnalysisProgress, ReelError, Size, Tracking
from pycore.tracking import ClipSettings, ClipTracker, Detections
from pycore.tracking.ball import ball_track
from pycore.tracking.columns import tracking_of
from pycore.tracking.cuts import CutDetector

SLOWEST = 8.0
"""Pictures of a second of video that are looked at, at least: below this players are mixed up."""

AHEAD = 2
"""Pictures that are shown to the detector before the first one's answer is waited for."""

_TELL_S = 0.25


class Analysis:
    """One clip's. `tell` hears of progress."""

    def __init__(
        self,
        detector: Detector,
        decoder: Decoder,
        size: Size,
        duration_us: int,
        tell: Callable[[AnalysisProgress], None],
    ) -> None:
        self._detector = detector
        self._decoder = decoder
        self._size = size
        self._duration_us = max(duration_us, 1)
        self._tell = tell
        self._told = 0.0
        self._times_us: list[int] = []
        self._balls: list[Detections] = []
        self._cuts: list[int] = []
        self._cut_detector = CutDetector()

    async def run(self) -> AnalysisFinished:
        """Raises ReelError: what decoder and detector raise, `analysis.no-pictures`. Cancelling ends it at
        the next picture."""
        every = await self._pace()
        rate = self._decoder.rate / every
        settings = ClipSettings().at_rate(rate)
        tracker = ClipTracker(settings)
        started = perf_counter()
        waiting: list[tuple[int, Answer]] = []
        view = self._detector.whole_view(self._size)
        async for picture in self._decoder.pictures(every):
            try:
                answer = await self._detector.show(picture.frame, view, self._size, self._decoder.turn)
            finally:
                picture.frame.close()
            waiting.append((picture.time_us, answer))
            if len(waiting) > AHEAD:
                self._take(tracker, *await _answered(waiting.pop(0)))
        for each in waiting:
            self._take(tracker, *await _answered(each))
        if not self._times_us:
            raise ReelError.of(
                "analysis.no-pictures",
                "No picture of this video could be decoded",
                hint="The file may be damaged: copy it again from where it was recorded.",
                status=422,
            )
        seconds = max(perf_counter() - started, 1e-6)
        self._tell(AnalysisProgress(1.0, len(self._times_us), self._times_us[-1], "Linking"))
        await asyncio.sleep(0)
        return AnalysisFinished(self._linked(tracker, rate), len(self._times_us) / seconds)

    async def _pace(self) -> int:
        """How many pictures one look stands for: 1 unless this processor is too slow for all of them."""
        view = self._detector.whole_view(self._size)
        took = 0.0
        for _ in range(2):  # the first look has the net warm up
            pictures = self._decoder.pictures()
            async for picture in pictures:
                started = perf_counter()
                try:
                    answer = await self._detector.show(picture.frame, view, self._size, self._decoder.turn)
                finally:
                    picture.frame.close()
                await answer.seen()
                took = perf_counter() - started
                break
        sparsest = max(1, int(self._decoder.rate / SLOWEST))
        return min(max(1, round(took * self._decoder.rate)), sparsest)

    def _take(self, tracker: ClipTracker, time_us: int, seen: Seen) -> None:
        cut = self._cut_detector.update(seen.glimpse)
        if cut:
            self._cuts.append(len(self._times_us))
        tracker.add(seen.people, cut=cut)
        self._times_us.append(time_us)
        self._balls.append(seen.ball)
        now = perf_counter()
        if now - self._told > _TELL_S:
            self._told = now
            progress = min(time_us / self._duration_us, 1.0)
            self._tell(AnalysisProgress(progress, len(self._times_us), time_us))

    def _linked(self, tracker: ClipTracker, rate: float) -> Tracking:
        # A short clip, or one looked at sparsely, has few sightings of anybody.
        shots = len(self._cuts) + 1
        usual = max(2, round(tracker.settings.shortest * min(rate / 25, 1)))
        shortest = min(usual, max(1, len(self._times_us) // (2 * shots)))
        tracker.settings = replace(tracker.settings, shortest=shortest)
        processor = self._detector.processor
        return tracking_of(
            tracker.tracks(),
            self._times_us,
            self._size,
            self._cuts,
            f"ReelBallers' detector on {processor.name}",
            ball_track(self._balls, self._size.width, rate, self._cuts),
        )


async def _answered(waiting: tuple[int, Answer]) -> tuple[int, Seen]:
    time_us, answer = waiting
    return time_us, await answer.seen()
