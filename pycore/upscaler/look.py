"""The uniform block of web/shaders/look.wgsl."""

import struct
from dataclasses import dataclass

_LAYOUT = struct.Struct("<4i2f8x")
LOOK_BYTES = _LAYOUT.size

LANCZOS_SHARPNESS = 0.4
"""What pays with Lanczos: +0.09 dB on three football frames at CRF 23. A net has learned its own sharpness,
and the same cost it 0.15 dB; so under a net 0.4 means as it is, and only what goes beyond it is added."""


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


def beyond_a_nets(sharpness: float) -> float:
    """What is left of it for a net's luma."""
    return max(0.0, sharpness - LANCZOS_SHARPNESS) / (1.0 - LANCZOS_SHARPNESS)
