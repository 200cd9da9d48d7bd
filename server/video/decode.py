"""Exact frames of a file, as they are to be shown: turned upright, with square pixels."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame

from server.video.container import media_error, opened, video_stream
from server.video.probe import Source
from server.video.rgb import Crop, ToRgb


def frames(
    path: Path, source: Source, first: int, count: int, crop: Crop | list[Crop]
) -> Iterator[np.ndarray]:
    """Frames `first` to `first + count` of the frame table as uint8 (height, width, 3), R'G'B' in standard
    range (HDR is mapped to it, see server.video.hdr), full scale, contiguous. Close the iterator when leaving
    early. `crop`: the same for all, or one for each.

    Decoding starts at the keyframe before, wherever segments begin, so a frame's pixels never depend on who
    asks. A frame that the decoder cannot give is replaced by the one before it (or the next); if none of them
    can be had, ReelError `media.damaged` names the time.
    """
    from server.video.sandbox import client

    return client.frames(path, source, first, count, crop)


def read(path: Path, source: Source, first: int, crops: list[Crop]) -> Iterator[np.ndarray]:
    """The same frames, in this very process: for the sandbox. They need not be contiguous."""
    convert = ToRgb(source)
    for frame, crop in zip(_shown(path, source, first, len(crops)), crops, strict=True):
        yield convert(frame, crop)


def _shown(path: Path, source: Source, first: int, count: int) -> Iterator[VideoFrame]:
    wanted = source.table.pts[first : first + count]
    given = 0
    last: VideoFrame | None = None
    for frame in _decoded_from(path, source, int(wanted[0])):
        if given == count:
            break
        if frame.pts is None or frame.pts < wanted[given]:
            continue
        number = int(np.searchsorted(wanted, frame.pts, side="right")) - 1
        made = frame if number < count - 1 or frame.pts == wanted[-1] else None
        while given < number:  # lost frames
            stand_in = made if last is None else last
            if stand_in is None:
                break
            yield stand_in
            given += 1
        if made is None:
            break
        yield made
        given, last = number + 1, made
    if last is None:
        seconds = source.table.times_us()[first] / 1e6
        raise media_error(
            "damaged",
            "Damaged video file",
            f"{path.name} cannot be decoded at {seconds:.2f} s.",
            "Copy or upload it again, or trim this part away.",
        )
    for _ in range(count - given):
        yield last


def _decoded_from(path: Path, source: Source, pts: int) -> Iterator[VideoFrame]:
    """Decoded frames in order of presentation, beginning at or before `pts`."""
    before = source.table.keys[: np.searchsorted(source.table.keys, pts, side="right")]
    # Some containers seek by decoding time and land too late: then go back further, at last to the very
    # start.
    starts: list[int | None] = [int(key) for key in before[::-1][:3]]
    for start in [*starts, None]:
        with opened(path) as container:
            stream = video_stream(container, path.name)
            if start is not None:
                container.seek(start, stream=stream, backward=True)
            packets = container.demux(stream)
            packet = next((each for each in packets if each.is_keyframe), None)
            if start is not None and (packet is None or packet.pts is None or packet.pts > pts):
                continue
            while packet is not None:
                # A damaged packet gives nothing: its frame is then missing from the row, and `frames` fills
                # the gap.
                with contextlib.suppress(FFmpegError):
                    yield from packet.decode()
                packet = next(packets, None)
            return
