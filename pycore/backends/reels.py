"""What an export needs of a browser's codecs: a medium's pictures and sound packets, and a file of encoded
pictures with sound. Times are microseconds; of a medium: from its first frame on."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from pycore.backends.gpu import Frame
from pycore.protocol import Size


@dataclass(frozen=True, slots=True)
class TimedPicture:
    """A decoded frame as it is displayed (rotation and pixel aspect applied), to be closed by whoever takes
    it; when it is shown, and for how long."""

    frame: Frame
    time_us: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class SoundPacket:
    """An encoded piece of sound; `handle` is the backend's."""

    time_us: int
    duration_us: int
    handle: Any


class Footage(Protocol):
    """An opened medium. `size`: the display's; `rate`: frames per second, as far as it is known; `sound`: the
    codec of its sound, "" where it has none."""

    name: str
    size: Size
    rate: float
    sound: str

    def pictures(self, in_us: int, out_us: int) -> AsyncGenerator[TimedPicture]:
        """Those shown from `in_us` on and before `out_us`, in order. Raises ReelError `media.decode`."""
        ...

    def packets(self, in_us: int, out_us: int | None) -> AsyncGenerator[SoundPacket]:
        """The sound that is heard from `in_us` on and before `out_us` (None: to its end), in order; the first
        may begin before. Raises ReelError `media.decode`."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Format:
    """How a reel is written. `codec`: the video's, and `container`, as the backend calls them; `label`: the
    codec for people; `bitrate` in bits per second."""

    codec: str
    container: str
    label: str
    extension: str
    bitrate: int


@dataclass(frozen=True, slots=True)
class PicturePacket:
    """An encoded picture of a part; its time is the one that it was captured with; `handle` is the
    backend's."""

    time_us: int
    handle: Any


class Part(Protocol):
    """A piece of a reel's pictures that is being encoded, into a file of its own. Ends with `finish` or
    `abort`; until `finish` there is none to be seen."""

    def capture(self, time_us: int, duration_us: int) -> None:
        """Takes the picture that is on the canvas; in the turn in which it was drawn. Times begin at 0."""
        ...

    async def encode(self) -> None:
        """Encodes what was captured; returns when the encoder takes more. Raises ReelError
        `local-export.encode` and `local-export.write`."""
        ...

    async def finish(self) -> int:
        """Completes the file; its length in bytes. Raises as `encode`."""
        ...

    async def abort(self) -> None:
        """Gives it up, and leaves nothing behind."""
        ...


class Parts(Protocol):
    """The parts of one reel, kept by their number until `drop`: also over a reload of the page."""

    @property
    def canvas(self) -> Any:
        """For Device.canvas: what is drawn there is captured."""
        ...

    async def start(self, number: int) -> Part:
        """Raises ReelError `local-export.write`."""
        ...

    async def has(self, number: int) -> bool:
        """Whether that part was finished and is still there."""
        ...

    def packets(self, number: int) -> AsyncGenerator[PicturePacket]:
        """Its pictures in decoding order. Raises ReelError `local-export.part`."""
        ...

    async def drop(self) -> None:
        """Removes them all."""
        ...


class ReelFile(Protocol):
    """A reel that is being put together of parts. Ends with `finish` or `abort`; until `finish` there is none
    to be seen."""

    stored: str
    """Its name in the browser's private folder; "" where the person chose a place."""

    async def add_picture(self, packet: PicturePacket, time_us: int) -> None:
        """Copies a packet to that time, in decoding order. Raises ReelError `local-export.encode` and
        `local-export.write`."""
        ...

    async def add_sound(self, packet: SoundPacket, time_us: int) -> None:
        """Copies a packet to that time. Raises as `add_picture`."""
        ...

    async def finish(self) -> int:
        """Completes the file; its length in bytes. Raises as `add_picture`."""
        ...

    async def abort(self) -> None:
        """Gives it up, and leaves nothing behind."""
        ...


class Reels(Protocol):
    """This browser's codecs and disk."""

    async def open(self, file: Any) -> Footage:
        """`file`: MediaFile.handle. Raises ReelError `local-export.cannot-decode`."""
        ...

    async def format(self, size: Size, rate: float, sound: str) -> Format | None:
        """The best that this browser encodes pictures of that size in, beside sound of that codec ("":
        none); None where there is none."""
        ...

    async def create(self, format: Format, footage: Footage, target: Any, name: str) -> ReelFile:
        """A file with the sound track of `footage`, if it has one. `target`: where the person wants it
        (a FileSystemFileHandle), or None: in the private folder under `name`. Raises ReelError
        `local-export.write`."""
        ...

    async def parts(self, format: Format, key: str) -> Parts:
        """Those of the reel that `key` (hexadecimal digits) stands for: none yet, or what an export that was
        broken off has left."""
        ...
