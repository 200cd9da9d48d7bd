"""The frame table: when each frame of a file is presented. Built from the container's packets, without
decoding.

Edit lists are applied: FFmpeg marks what they cut away, and it is left out here. Variable frame rates stay as
they are.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from server.video.container import LIMITS, media_error, opened, stamp, video_stream

TRIM_TOLERANCE_US = 500
"""Browsers round a frame's time differently; a trim that misses a frame's time by less means that frame."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """`pts`: int64 of shape (frames,), strictly increasing presentation times in `time_base` units of the
    container's own clock. `keys`: sorted times of all keyframes, also of those that an edit list hides.
    `end`: when the last frame ends."""

    pts: np.ndarray
    keys: np.ndarray
    end: int
    time_base: Fraction

    def __len__(self) -> int:
        return len(self.pts)

    def times_us(self) -> np.ndarray:
        """int64 (frames,): microseconds from the first presented frame, rounded."""
        return self._us(self.pts - self.pts[0])

    @property
    def duration_us(self) -> int:
        return int(self._us(np.array([self.end - int(self.pts[0])]))[0])

    @property
    def fps(self) -> float:
        """Frames per second on average."""
        return len(self.pts) / float((self.end - int(self.pts[0])) * self.time_base)

    def trim(self, in_us: int, out_us: int) -> tuple[int, int]:
        """(first frame, number of frames) presented from `in_us` on and before `out_us`."""
        bounds = np.array([in_us, out_us]) - TRIM_TOLERANCE_US
        first, behind = np.searchsorted(self.times_us(), bounds, side="left")
        return int(first), int(max(behind - first, 0))

    def end_of(self, frame: int) -> int:
        """When a frame's successor is presented, or the last frame ends, in `time_base` units."""
        return int(self.pts[frame + 1]) if frame + 1 < len(self.pts) else self.end

    def _us(self, ticks: np.ndarray) -> np.ndarray:
        scale = self.time_base * 1_000_000
        # in whole numbers: exact where float64 would round twice
        return (ticks * scale.numerator * 2 + scale.denominator) // (2 * scale.denominator)


def frame_table(path: Path) -> FrameTable:
    """The file's frame table. Reads every packet once (then it is remembered for the file as it is now).
    Raises ReelError for what is no usable video, has no frames, or breaks off."""
    return _read(path, *stamp(path))


@lru_cache(maxsize=8)
def _read(path: Path, size: int, _mtime_ns: int) -> FrameTable:
    pts: list[int] = []
    keys: list[int] = []
    durations: dict[int, int] = {}
    with opened(path) as container:
        stream = video_stream(container, path.name)
        announced = container.duration
        if announced is not None and announced > LIMITS.max_seconds * 1_000_000:
            raise _too_long(path, f"lasts {announced / 3.6e9:.1f} hours")
        indexed = [entry.pos + entry.size for entry in stream.index_entries if not entry.is_discard]
        if container.format.name.startswith("mov") and indexed and max(indexed) > size:
            raise _truncated(path, f"only {size} of at least {max(indexed)} bytes are there")
        time_base = stream.time_base
        if time_base is None:
            raise _no_frames(path)
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue  # the end
                if packet.pts is None:
                    raise media_error(
                        "no-timestamps",
                        "Video without times",
                        f"{path.name} does not say when its frames are shown.",
                        "Convert it: ffmpeg -fflags +genpts -i INPUT -c copy OUTPUT.mp4",
                    )
                if packet.is_keyframe:
                    keys.append(packet.pts)
                if not packet.is_discard:
                    pts.append(packet.pts)
                    durations[packet.pts] = packet.duration or 0
                if len(pts) > LIMITS.max_frames:
                    raise _too_long(path, f"has more than {LIMITS.max_frames} frames")
        except FFmpegError as error:
            raise _truncated(path, f"reading stops after {len(pts)} frames ({error.strerror})") from error
        container_s = None if announced is None else announced / 1_000_000
        matroska = "matroska" in container.format.name
    if not pts or not keys:
        raise _no_frames(path)
    times = np.unique(np.array(pts, np.int64))
    step = int(np.median(np.diff(times))) if len(times) > 1 else 0
    last = durations[int(times[-1])] or step or max(1, round(1 / (30 * time_base)))
    table = FrameTable(times, np.unique(np.array(keys, np.int64)), int(times[-1]) + last, time_base)
    seconds = table.duration_us / 1e6
    if table.fps > LIMITS.max_fps:
        raise media_error(
            "too-fast",
            "Too many frames per second",
            f"{path.name} has {table.fps:.0f} of them; {LIMITS.max_fps} are the limit.",
            "Convert it: ffmpeg -i INPUT -r 60 OUTPUT.mp4",
        )
    if seconds > LIMITS.max_seconds:
        raise _too_long(path, f"lasts {seconds / 3600:.1f} hours")
    if matroska and container_s is not None and seconds < 0.9 * container_s - 1.0:
        raise _truncated(path, f"its header announces {container_s:.1f} s, its frames last {seconds:.1f} s")
    return table


def _too_long(path: Path, what: str) -> Exception:
    return media_error(
        "too-long",
        "Video too long",
        f"{path.name} {what}; {LIMITS.max_seconds // 3600} hours are the limit.",
        "Cut it into pieces first, for example: ffmpeg -ss 0 -t 3600 -i INPUT -c copy OUTPUT.mp4",
    )


def _truncated(path: Path, what: str) -> Exception:
    return media_error(
        "truncated",
        "Incomplete video file",
        f"{path.name} breaks off: {what}.",
        "Copy or upload it again from the camera or phone.",
    )


def _no_frames(path: Path) -> Exception:
    return media_error(
        "no-frames",
        "No frames in this video",
        f"{path.name} has a video track without a single frame.",
        "Copy or record it again.",
    )
