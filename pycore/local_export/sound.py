"""A cut's sound, copied packet by packet to where the cut is in the reel."""

from collections.abc import AsyncGenerator

from pycore.backends.reels import ReelFile, SoundPacket


class SoundCopy:
    """Packets keep their times to the picture. At a joint two packets can overlap: the later is left out
    where more than half of it would, so sound begins no further from its picture than half a packet."""

    def __init__(
        self, packets: AsyncGenerator[SoundPacket], file: ReelFile, shift_us: int, after_us: int | None
    ) -> None:
        """`shift_us` is added to the medium's times. `after_us`: when the sound before ends."""
        self._packets, self._file = packets, file
        self._shift_us = shift_us
        self._next: SoundPacket | None = None
        self._over = False
        self.end_us = after_us

    async def copy(self, until_us: int | None) -> None:
        """All that begins before that moment of the reel (None: all that is left)."""
        while not self._over:
            packet = self._next or await anext(self._packets, None)
            self._next = packet
            if packet is None:
                self._over = True
                return
            at = packet.time_us + self._shift_us
            if until_us is not None and at >= until_us:
                return
            self._next = None
            if self.end_us is None or at + packet.duration_us // 2 >= self.end_us:
                await self._file.add_sound(packet, at)
                self.end_us = at + packet.duration_us

    async def close(self) -> None:
        """To be called whatever happened."""
        await self._packets.aclose()
