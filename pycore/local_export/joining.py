"""Puts a reel together of its pieces: their pictures packet by packet, and beside them the medium's sound."""

from collections.abc import Sequence
from contextlib import aclosing

from pycore.backends.reels import Footage, ReelFile
from pycore.local_export.pieces import Checkpoint, Made, Piece
from pycore.local_export.plan import ReelPlan
from pycore.local_export.sound import SoundCopy

_SOUND_AHEAD_US = 500_000
"""How far sound is written ahead of the pictures, so that both lie near each other in the file."""


async def join(
    plan: ReelPlan, pieces: Sequence[Piece], checkpoint: Checkpoint, footage: Footage, file: ReelFile
) -> None:
    """All of `pieces` are made. Raises ReelError: what Footage, Parts and ReelFile raise."""
    sound_end_us: int | None = None
    for number, cut in enumerate(plan.cuts):
        found = [(each, checkpoint.made(each.number)) for each in pieces if each.cut == number]
        made = [(piece, each) for piece, each in found if each is not None and each.frames]
        first = made[0][1]
        last = number == len(plan.cuts) - 1
        packets = footage.packets(first.first_us, None if last and cut.to_end else cut.out_us)
        sound = SoundCopy(packets, file, first.begin_us - first.first_us, sound_end_us)
        try:
            for piece, each in made:
                await _copy(piece, each, checkpoint, file, sound)
            await sound.copy(None)
        finally:
            sound_end_us = sound.end_us
            await sound.close()


async def _copy(piece: Piece, made: Made, checkpoint: Checkpoint, file: ReelFile, sound: SoundCopy) -> None:
    async with aclosing(checkpoint.parts.packets(piece.number)) as packets:
        async for packet in packets:
            at = made.begin_us + packet.time_us
            await file.add_picture(packet, at)
            await sound.copy(at + _SOUND_AHEAD_US)
