"""The detector on the CPU, where there is no GPU to speak of: the same, slower, on smaller pictures."""

import asyncio
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pycore.backends.gpu import Frame
from pycore.detection.seen import Answer, Seen
from pycore.detection.view import Turn, View, whole
from pycore.protocol import Processor, ProcessorKind, Size
from pycore.tracking.appearance import kits
from pycore.tracking.cuts import glimpse
from pycore.tracking.decoding import decode
from pycore.tracking.types import Detections

LONGEST = 960
"""Input pixels of the long side of a whole picture."""


class CpuNet(Protocol):
    """A detector net on arrays."""

    async def run(self, picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`heat` (1, 2, H/4, W/4) and `box` (1, 4, H/4, W/4) of a picture (1, 3, H, W)."""
        ...

    def close(self) -> None: ...


class Scaler(Protocol):
    """Gives a frame's pixels."""

    def pixels(self, frame: Any, view: View, display: Size, turn: Turn) -> NDArray[np.uint8]:
        """(used height, used width, 4) RGBA of the view's part, upright as on the display."""
        ...


class CpuDetector:
    """See `Detector`."""

    def __init__(self, net: CpuNet, scaler: Scaler, name: str = "CPU", longest: int = LONGEST) -> None:
        self.processor = Processor(ProcessorKind.CPU, name, True)
        self._net = net
        self._scaler = scaler
        self._longest = longest
        self._turns = asyncio.Lock()

    def whole_view(self, display: Size) -> View:
        return whole(display, self._longest)

    async def show(self, frame: Frame, view: View, display: Size, turn: Turn) -> Answer:
        rgba = self._scaler.pixels(frame, view, display, turn)
        picture = np.zeros((1, 3, view.size.height, view.size.width), np.float32)
        picture[0, :, : view.used.height, : view.used.width] = rgba[..., :3].transpose(2, 0, 1)
        picture *= np.float32(1 / 255)
        async with self._turns:
            heat, box = await self._net.run(picture)
        return _CpuAnswer(picture[0], heat, box, view)

    def close(self) -> None:
        self._net.close()


class _CpuAnswer:
    def __init__(
        self,
        picture: NDArray[np.float32],
        heat: NDArray[np.float32],
        box: NDArray[np.float32],
        view: View,
    ) -> None:
        self._picture, self._heat, self._box, self._view = picture, heat, box, view

    async def seen(self) -> Seen:
        found = decode(self._heat, self._box, self._view.window)
        window = self._view.window
        inside = found.people.boxes.copy()
        inside[:, :2] -= (window.x, window.y)
        inside *= (window.across, window.down, window.across, window.down)
        features = kits(self._picture, inside)
        used = self._view.used
        return Seen(
            Detections(found.people.boxes, found.people.scores, features),
            found.ball,
            glimpse(self._picture[:, : used.height, : used.width]),
        )
