"""Makes a reel: each frame decoded, drawn by the preview's pipeline at the reel's size, encoded; sound copied
packet by packet. One frame is under way at a time beside what the decoder holds ahead and the encoder queues,
so memory does not grow with the reel."""

from collections.abc import Callable
from contextlib import aclosing

from pycore.backends.reels import Footage, ReelFile, TimedPicture
from pycore.framing.path import Path
from pycore.local_export.plan import Cut, ReelPlan
from pycore.local_export.sound import SoundCopy
from pycore.pipeline import Pipeline
from pycore.protocol import ReelError
from pycore.spotlight.mark import Marker

_SOUND_AHEAD_US = 500_000
"""How far sound is written ahead of the pictures, so that both lie near each other in the file."""


class Making:
    """`progress` is called after every frame with the share that is done. Frames keep their distances; the
    first of a cut is shown where the cut before ends."""

    def __init__(
        self,
        plan: ReelPlan,
        footage: Footage,
        file: ReelFile,
        pipeline: Pipeline,
        progress: Callable[[float], None],
    ) -> None:
        self._plan = plan
        self._footage = footage
        self._file = file
        self._pipeline = pipeline
        self._progress = progress
        self._sound_end_us: int | None = None
        self.frames = 0
        self.end_us = 0
        """When the last picture ends."""

    async def run(self) -> None:
        """Raises ReelError: what Footage, ReelFile and Pipeline raise, and `local-export.empty`."""
        self._pipeline.set_source(self._footage.size)
        self._pipeline.set_output(self._plan.size)
        done_us = 0
        for number, cut in enumerate(self._plan.cuts):
            last = number == len(self._plan.cuts) - 1
            await self._make(cut, done_us, last)
            done_us += cut.out_us - cut.in_us

    async def _make(self, cut: Cut, done_us: int, last: bool) -> None:
        path = Path(cut.path) if cut.path else None
        marker = Marker(cut.spotlight, cut.subject) if cut.subject else None
        self._pipeline.set_crop(cut.crop, path, marker)
        sound: SoundCopy | None = None
        begin, shift = self.end_us, 0
        async with aclosing(self._footage.pictures(cut.in_us, cut.out_us)) as pictures:
            try:
                async for picture in pictures:
                    if sound is None:
                        shift = begin - picture.time_us
                        sound = self._sound(cut, picture.time_us, shift, last)
                    await self._draw(picture, picture.time_us + shift)
                    await sound.copy(self.end_us + _SOUND_AHEAD_US)
                    self._tell(done_us + picture.time_us - cut.in_us)
                if sound is None:
                    raise _empty(cut)
                await sound.copy(None)
            finally:
                if sound is not None:
                    self._sound_end_us = sound.end_us
                    await sound.close()

    def _sound(self, cut: Cut, from_us: int, shift_us: int, last: bool) -> SoundCopy:
        until = None if last and cut.to_end else cut.out_us
        packets = self._footage.packets(from_us, until)
        return SoundCopy(packets, self._file, shift_us, self._sound_end_us)

    async def _draw(self, picture: TimedPicture, at_us: int) -> None:
        presented = await self._pipeline.render(
            picture.frame,
            picture.time_us,
            lambda: self._file.capture(at_us, picture.duration_us),
        )
        if not presented.presented:
            raise ReelError.of("gpu.closed", "The GPU is gone", hint="Export again.", status=503)
        await self._file.encode()
        self.frames += 1
        self.end_us = at_us + picture.duration_us

    def _tell(self, made_us: int) -> None:
        self._progress(min(max(made_us / self._plan.duration_us, 0.0), 1.0))


def _empty(cut: Cut) -> ReelError:
    return ReelError.of(
        "local-export.empty",
        "Nothing to export",
        f"No frame is shown between {cut.in_us / 1e6:.3f} s and {cut.out_us / 1e6:.3f} s.",
        "Move the start or the end.",
        422,
    )
