"""One segment as H.264 in an MP4 of its own: BT.709, limited range, 4:2:0, a closed group of pictures from
the first frame on.

Segments of one plan share their headers (x264's `stitchable`), so that `join` can put their packets behind
each other.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.container import Flags
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pycore.protocol import Size

_BT709 = 1
_LIMITED = 1
# A fixed number of threads: x264's bytes depend on it. Four, the veryfast preset and a short lookahead:
# several segments are encoded at once, and on the 16 cores beside an H100 six of them make 186 frames/s of
# 1080x1920 (one with eight threads at fast: 35), at 0.35 dB less for 7 % fewer bytes; the lower CRF makes up
# for that.
# Macroblock tree off: with it this x264 gives other bytes every few runs, even with one thread, and exports
# must be exact.
_OPTIONS = {
    "preset": "veryfast",
    "crf": "17",
    "x264-params": "threads=4:rc-lookahead=10:no-mbtree=1:stitchable=1:open-gop=0:keyint=256",
}


_FINEST = 10_000_000


def common_timescale(time_bases: Sequence[Fraction]) -> int:
    """Ticks per second in which times of all these time bases are whole numbers; where that would be too fine
    for players, microseconds (times are then rounded)."""
    timescale = math.lcm(*(time_base.denominator for time_base in time_bases))
    return timescale if timescale <= _FINEST else 1_000_000


class SegmentWriter:
    """Writes frames to `target`. A context manager; the file is whole once it is left without an exception.

    `timescale`: ticks per second of the timestamps. `fps` is what the rate control assumes, the same for all
    segments.
    """

    def __init__(self, target: Path, size: Size, timescale: int, fps: float) -> None:
        options = {"video_track_timescale": str(timescale)}
        self._container = av.open(f"file:{target}", "w", format="mp4", options=options)
        self._container.flags |= Flags.bitexact.value
        rate = Fraction(fps).limit_denominator(1001)
        self._stream = cast(VideoStream, self._container.add_stream("libx264", rate=rate, options=_OPTIONS))
        self._time_base = Fraction(1, timescale)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = size.width, size.height, "yuv420p"
        context.time_base = self._time_base
        context.profile = "High"
        context.sample_aspect_ratio = Fraction(1)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED

    def write(self, picture: np.ndarray, pts: int, duration: int) -> None:
        """A frame: uint8 (height * 3 / 2, width), the planes Y, U, V below each other; `pts` and `duration`
        in ticks."""
        frame = _yuv420p(picture)
        frame.pts, frame.duration, frame.time_base = pts, duration, self._time_base
        frame.colorspace, frame.color_range = _BT709, _LIMITED
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def _yuv420p(picture: np.ndarray) -> VideoFrame:
    """See `SegmentWriter.write`. Copied plane by plane by numpy, which lets other threads run meanwhile;
    PyAV's own copy does not, and a GPU waits for Python then."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    frame = VideoFrame(width, height, "yuv420p")
    samples, start = picture.reshape(-1), 0
    for plane in frame.planes:
        count = plane.width * plane.height
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)  # type: ignore[arg-type]
        rows[:, : plane.width] = samples[start : start + count].reshape(plane.height, plane.width)
        start += count
    return frame
