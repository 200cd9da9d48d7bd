"""Luma pictures: from files, halved, through a real encoder. uint8, BT.709, limited range (16–235)."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Luma = NDArray[np.uint8]
"""(height, width) Y' of BT.709 in limited range: 16 is black, 235 is white."""

KERNELS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""Resize kernels by name: Pillow's, antialiased (they widen as they shrink), pixel centres aligned."""


def read(path: Path) -> Luma:
    """The luma of an image file (R'G'B' taken as it is stored), rounded to 8 bits."""
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
    full = rgb @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    return np.rint(16 + full * (219 / 255)).astype(np.uint8)


def resize(luma: Luma, width: int, height: int, kernel: str) -> Luma:
    """The picture at another size, by the kernel of that name in KERNELS."""
    return np.array(Image.fromarray(np.ascontiguousarray(luma)).resize((width, height), KERNELS[kernel]))


def through_codec(frames: Sequence[Luma], codec: str, options: dict[str, str]) -> list[Luma]:
    """The frames as they come back from an encoder (libx264, libx265) and its decoder, in the order of
    display.
    4:2:0 with grey chroma at 25 fps; even sizes only."""
    height, width = frames[0].shape
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.options = options
    packets = []
    for index, luma in enumerate(frames):
        planes = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
        planes[:height] = luma
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = index
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("hevc" if codec == "libx265" else "h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_type = "NONE"
    decoded = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return [frame.to_ndarray()[:height].astype(np.uint8, copy=False) for frame in decoded]
