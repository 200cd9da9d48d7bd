"""The uniform block of web/shaders/look.wgsl."""

import struct
from dataclasses import dataclass

_LAYOUT = struct.Struct("<4i2f8x")
LOOK_BYTES = _LAYOUT.size


@dataclass(frozen=True, slots=True)
class Look:
    """Which pixels of the frame are shown, and how. `x`, `y`, `width`, `height` are whole source pixels;
    `split` and `sharpness` are 0 to 1 (see `protocol.SetPreview`)."""

    x: int
    y: int
    width: int
    height: int
    split: float = 0.0
    sharpness: float = 0.4

    def pack(self) -> bytes:
        return _LAYOUT.pack(self.x, self.y, self.width, self.height, self.split, self.sharpness)
