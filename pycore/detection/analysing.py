"""Analysing a clip: every picture is looked at, players are followed from one to the next, and at the end
the whole is linked with look-ahead."""

import asyncio
from collections.abc import Callable
from time import perf_counter

from pycore.detection.decoder import Decoder
from pycore.detection.seen import Answer, Detector, Seen
from pycore.protocol import AnalysisFinished, AnalysisProgress, ReelError, Size
from pycore.tracking.follower import ClipFollower

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

    async def run(self) -> AnalysisFinished:
        """Raises ReelError: what decoder and detector raise, `analysis.no-pictures`. Cancelling ends it at
        the next picture."""
        every = await self._pace()
        rate = self._decoder.rate / every
        follower = ClipFollower(self._size, rate)
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
                self._take(follower, *await _answered(waiting.pop(0)))
        for each in waiting:
            self._take(follower, *await _answered(each))
        if not follower.times_us:
            raise ReelError.of(
                "analysis.no-pictures",
                "No picture of this video could be decoded",
                hint="The file may be damaged: copy it again from where it was recorded.",
                status=422,
            )
        seconds = max(perf_counter() - started, 1e-6)
        self._tell(AnalysisProgress(1.0, len(follower.times_us), follower.times_us[-1], "Linking"))
        await asyncio.sleep(0)
        made_by = f"ReelBallers' detector on {self._detector.processor.name}"
        return AnalysisFinished(follower.tracking(made_by), len(follower.times_us) / seconds)

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

    def _take(self, follower: ClipFollower, time_us: int, seen: Seen) -> None:
        follower.add(time_us, seen.people, seen.ball, seen.glimpse)
        now = perf_counter()
        if now - self._told > _TELL_S:
            self._told = now
            progress = min(time_us / self._duration_us, 1.0)
            self._tell(AnalysisProgress(progress, len(follower.times_us), time_us))


async def _answered(waiting: tuple[int, Answer]) -> tuple[int, Seen]:
    time_us, answer = waiting
    return time_us, await answer.seen()
