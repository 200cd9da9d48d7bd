"""A frame's pixels on the CPU, scaled and turned upright by a 2D canvas."""

import math
from typing import Any

import js  # pyright: ignore[reportMissingImports]
import numpy as np
from numpy.typing import NDArray
from pyodide.ffi import to_js  # pyright: ignore[reportMissingImports]

from pycore.detection.view import Turn, View
from pycore.protocol import Size


class CanvasScaler:
    """See `pycore.detection.cpu.Scaler`."""

    def __init__(self) -> None:
        self._canvas = js.OffscreenCanvas.new(1, 1)
        options = to_js({"willReadFrequently": True, "alpha": False}, dict_converter=js.Object.fromEntries)
        self._context = self._canvas.getContext("2d", options)

    def pixels(self, frame: Any, view: View, display: Size, turn: Turn) -> NDArray[np.uint8]:
        used, part = view.used, view.part
        if (self._canvas.width, self._canvas.height) != (used.width, used.height):
            self._canvas.width, self._canvas.height = used.width, used.height
        context = self._context
        context.imageSmoothingQuality = "high"
        scale_x, scale_y = used.width / part.width, used.height / part.height
        context.setTransform(scale_x, 0, 0, scale_y, -part.x * scale_x, -part.y * scale_y)
        width, height = display.width, display.height
        if turn.flip:
            context.transform(-1, 0, 0, 1, width, 0)
        match turn.rotation % 360:
            case 90:
                context.translate(width, 0)
            case 180:
                context.translate(width, height)
            case 270:
                context.translate(0, height)
        context.rotate(math.radians(turn.rotation))
        if turn.rotation % 180:
            width, height = height, width
        context.drawImage(frame, 0, 0, width, height)
        data = context.getImageData(0, 0, used.width, used.height).data.to_bytes()
        return np.frombuffer(data, np.uint8).reshape(used.height, used.width, 4)
