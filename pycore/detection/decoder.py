"""What an analysis needs of a medium: its pictures, in order."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from pycore.backends.gpu import Frame
from pycore.detection.view import Turn
from pycore.protocol import Size


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame, to be closed by whoever takes it, and its time from the medium's first frame on."""

    frame: Frame
    time_us: int


class Decoder(Protocol):
    """An opened medium. `rate`: frames per second, as far as it is known."""

    display: Size
    turn: Turn
    rate: float

    def pictures(self, every: int = 1) -> AsyncGenerator[Picture, None]:
        """From the beginning: the first, every so manieth after it, and the last. Raises ReelError
        `media.decode`."""
        ...

    async def close(self) -> None: ...


class Tools(Protocol):
    """What the analysis worker is given by where it runs."""

    async def detector(self) -> Any:
        """A `Detector`, made on the first call. Raises ReelError."""
        ...

    async def open(self, file: Any) -> Decoder:
        """Raises ReelError: `analysis.cannot-decode` for what this browser does not decode frame by frame."""
        ...
