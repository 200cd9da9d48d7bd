"""Makes the pieces of a reel: each frame decoded, drawn by the preview's pipeline at the reel's size,
encoded. One frame is under way at a time beside what the decoder holds ahead and the encoder queues, so
memory does not grow with the reel."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from pycore.backends.reels import Footage, Part, TimedPicture
from pycore.framing.path import Path
from pycore.local_export.pieces import Checkpoint, Made, Piece, pieces_of
from pycore.local_export.plan import Cut, ReelPlan
from pycore.pipeline import Pipeline
from pycore.protocol import ReelError
from pycore.spotlight.mark import Marker


class Making:
    """`progress` is called after every frame with the share that is done, `go_on` is awaited before it.
    Frames keep their distances; the first of a cut is shown where the cut before ends."""

    def __init__(
        self,
        plan: ReelPlan,
        footage: Footage,
        checkpoint: Checkpoint,
        pipeline: Pipeline,
        progress: Callable[[float], None],
        go_on: Callable[[], Awaitable[object]],
    ) -> None:
        self._plan = plan
        self._footage = footage
        self._checkpoint = checkpoint
        self._pipeline = pipeline
        self._progress = progress
        self._go_on = go_on
        self.pieces = pieces_of(plan)
        self.frames = 0
        self.drawn = 0
        """Those of `frames` that were not there yet."""
        self.end_us = 0
        """When the last picture ends."""

    async def run(self) -> None:
        """Raises ReelError: what Footage, Part and Pipeline raise, and `local-export.empty`."""
        self._pipeline.set_source(self._footage.size)
        self._pipeline.set_output(self._plan.size)
        shift: int | None = None
        for piece in self.pieces:
            begins = piece.number == 0 or self.pieces[piece.number - 1].cut != piece.cut
            if begins:
                shift = None
            made = self._checkpoint.made(piece.number)
            if made is None:
                made = await self._make(piece, shift)
                await self._checkpoint.keep(piece.number, made)
            if made.frames:
                shift = made.begin_us - made.first_us
            self.frames += made.frames
            self.end_us = made.end_us
            self._tell(piece, piece.until_us)
            ends = piece is self.pieces[-1] or self.pieces[piece.number + 1].cut != piece.cut
            if ends and shift is None:
                raise _empty(self._plan.cuts[piece.cut])

    async def _make(self, piece: Piece, shift: int | None) -> Made:
        """`shift`: from the medium's times to the reel's, where the cut has begun."""
        cut = self._plan.cuts[piece.cut]
        path = Path(cut.path) if cut.path else None
        self._pipeline.set_crop(cut.crop, path, Marker(cut.spotlight, cut.subject) if cut.subject else None)
        part: Part | None = None
        first_us, begin_us, end_us, frames = 0, self.end_us, self.end_us, 0
        async with aclosing(self._footage.pictures(piece.from_us, piece.until_us)) as pictures:
            try:
                async for picture in pictures:
                    await self._go_on()
                    if part is None:
                        first_us = picture.time_us
                        begin_us = self.end_us if shift is None else first_us + shift
                        part = await self._checkpoint.parts.start(piece.number)
                    at = picture.time_us - first_us
                    await self._draw(part, picture, at)
                    frames, end_us = frames + 1, begin_us + at + picture.duration_us
                    self._tell(piece, picture.time_us)
            except BaseException:
                if part is not None:
                    await part.abort()
                raise
        if part is not None:
            await part.finish()
        return Made(first_us, begin_us, end_us, frames)

    async def _draw(self, part: Part, picture: TimedPicture, at_us: int) -> None:
        presented = await self._pipeline.render(
            picture.frame, picture.time_us, lambda: part.capture(at_us, picture.duration_us)
        )
        if not presented.presented:
            raise ReelError.of("gpu.closed", "The GPU is gone", hint="Export again.", status=503)
        await part.encode()
        self.drawn += 1

    def _tell(self, piece: Piece, time_us: int) -> None:
        before = sum(cut.out_us - cut.in_us for cut in self._plan.cuts[: piece.cut])
        made_us = before + time_us - self._plan.cuts[piece.cut].in_us
        self._progress(min(max(made_us / self._plan.duration_us, 0.0), 1.0))


def _empty(cut: Cut) -> ReelError:
    return ReelError.of(
        "local-export.empty",
        "Nothing to export",
        f"No frame is shown between {cut.in_us / 1e6:.3f} s and {cut.out_us / 1e6:.3f} s.",
        "Move the start or the end.",
        422,
    )
