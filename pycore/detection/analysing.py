"""Analysing a clip: every picture is looked at, players are followed from one to the next, and at the end
the whole is linked with look-ahead.

Three stages run at once, each on another picture: decoding, showing to the detector, following. So no picture
waits for another one's answer to come back from the GPU."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from time import perf_counter

from pycore.detection.decoder import Decoder, Picture
from pycore.detection.seen import Answer, Detector, Seen
from pycore.detection.stages import ahead
from pycore.protocol import AnalysisFinished, AnalysisProgress, ReelError, Size
from pycore.tracking.follower import ClipFollower

SLOWEST = 8.0
"""Pictures of a second of video that are looked at, at least: below this players are mixed up."""

DECODED = 2
"""Decoded pictures that wait for the detector. Few: a decoder has few frames to give away."""

SHOWN = 3
"""Answers of the detector that wait to be followed in."""

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
        async with aclosing(ahead(self._shown(every), SHOWN)) as answers:
            async for time_us, answer in answers:
                self._take(follower, time_us, await answer.seen())
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

    async def _shown(self, every: int) -> AsyncGenerator[tuple[int, Answer], None]:
        pictures = ahead(self._decoder.pictures(every), DECODED, lambda picture: picture.frame.close())
        async with aclosing(pictures):
            async for picture in pictures:
                yield picture.time_us, await self._show(picture)

    async def _show(self, picture: Picture) -> Answer:
        view = self._detector.whole_view(self._size)
        try:
            return await self._detector.show(picture.frame, view, self._size, self._decoder.turn)
        finally:
            picture.frame.close()

    async def _pace(self) -> int:
        """How many pictures one look stands for: 1 unless this processor is too slow for all of them."""
        took = 0.0
        for _ in range(2):  # the first look has the net warm up
            async with aclosing(self._decoder.pictures()) as pictures:
                async for picture in pictures:
                    started = perf_counter()
                    await (await self._show(picture)).seen()
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
