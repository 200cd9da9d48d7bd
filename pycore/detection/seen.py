"""What is known of one picture once the net has seen it."""

from dataclasses import dataclass
from typing import Protocol

from pycore.backends.gpu import Frame
from pycore.detection.view import Turn, View
from pycore.protocol import Processor, Size
from pycore.tracking import Detections, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """people, with kit histograms as features, and ball in display pixels, best first; glimpse (rows,
    columns, 3) for cuts."""

    people: Detections
    ball: Detections
    glimpse: Floats


class Answer(Protocol):
    """A picture that the net is looking at."""

    async def seen(self) -> Seen:
        """To be awaited once, in the order in which pictures were shown. Raises ReelError when the
        processor failed."""
        ...


class Detector(Protocol):
    """Sees players. One picture's `show` at a time; several answers may be open."""

    processor: Processor

    def whole_view(self, display: Size) -> View:
        """All of a picture at the size at which this detector looks at it."""
        ...

    async def show(self, frame: Frame, view: View, display: Size, turn: Turn) -> Answer:
        """Begins to look at a frame; the frame may be closed when this returns."""
        ...

    def close(self) -> None: ...
