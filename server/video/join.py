"""Puts an export together: the segments' packets behind each other, the source's sound, one MP4. Nothing is
decoded."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import Flags, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from pycore.protocol import ReelError
from server.video.audio import AudioTrack
from server.video.container import opened
from server.video.files import appearing
from server.video.frames import FrameTable


@dataclass(frozen=True, slots=True)
class Piece:
    """One clip of the result: the source and its frame table, the first frame's number in it, and the
    segments, each with its frames' count, in order."""

    source: Path
    table: FrameTable
    first: int
    segments: list[tuple[Path, int]]

    @property
    def frames(self) -> int:
        return sum(frames for _, frames in self.segments)

    def times(self, timescale: int) -> list[int]:
        """When each frame is shown, and at last when the piece ends, in ticks from the piece's beginning."""
        origin = int(self.table.pts[self.first])
        bounds = [int(each) for each in self.table.pts[self.first : self.first + self.frames]]
        bounds.append(self.table.end_of(self.first + self.frames - 1))
        return [round((each - origin) * self.table.time_base * timescale) for each in bounds]

    @property
    def begin(self) -> Fraction:
        """On the source's clock, in seconds."""
        return int(self.table.pts[self.first]) * self.table.time_base


@dataclass(frozen=True, slots=True)
class Joined:
    """`frames` joined, shown for `duration_us`; whether sound came along; notes for people."""

    frames: int
    duration_us: int
    has_audio: bool
    notes: list[str]


def join(pieces: list[Piece], timescale: int, target: Path) -> Joined:
    """Writes the MP4. Frames keep their times in the source; the first of each piece is shown when the piece
    before ends. Raises ReelError `export.segments` when a segment is not what the plan says."""
    segments = [segment for piece in pieces for segment in piece.segments]
    times = [0]
    for piece in pieces:
        times[-1:] = [times[-1] + each for each in piece.times(timescale)]
    order = _order(segments)
    options = {"movflags": "+faststart", "video_track_timescale": str(timescale)}
    notes: list[str] = []
    source = pieces[0]
    with appearing(target) as part, opened(source.source) as container:
        with av.open(f"file:{part}", "w", format="mp4", options=options) as output:
            output.flags |= Flags.bitexact.value
            if made := container.metadata.get("creation_time"):
                output.metadata["creation_time"] = made
            stream, headers = _video_stream(output, segments[0][0], timescale)
            tracks = [_video_packets(stream, headers, Fraction(1, timescale), segments, order, times)]
            audio: AudioTrack | None = None
            if container.streams.audio:
                end = source.begin + times[-1] * Fraction(1, timescale)
                audio = AudioTrack(container, output, source.begin, end)
                tracks.append(audio.packets())
                notes += audio.notes
            try:
                for packet in heapq.merge(*tracks, key=_decoding_time):
                    output.mux(packet)
            except FFmpegError as error:
                raise _broken(f"writing failed: {error.strerror}") from error
    duration_us = round(times[-1] * Fraction(1_000_000, timescale))
    return Joined(len(times) - 1, duration_us, audio is not None, notes)


def _order(segments: list[tuple[Path, int]]) -> np.ndarray:
    """int64 (frames,): for each packet, in order of decoding, its frame's place in order of presentation."""
    order: list[np.ndarray] = []
    behind = 0
    for path, frames in segments:
        with opened(path) as container:
            pts = [packet.pts for packet in container.demux(container.streams.video[0]) if packet.size]
        if len(pts) != frames or None in pts or len(set(pts)) != frames:
            raise _broken(f"{path.name} has {len(pts)} frames, not {frames}")
        order.append(np.argsort(np.argsort(np.array(pts, np.int64))) + behind)
        behind += frames
    return np.concatenate(order)


def _video_stream(output: OutputContainer, segment: Path, timescale: int) -> tuple[VideoStream, bytes | None]:
    """The output's picture stream, and the decoder's headers that all segments must share."""
    with opened(segment) as container:
        source = container.streams.video[0]
        stream = output.add_stream_from_template(source)
        stream.time_base = Fraction(1, timescale)
        return stream, source.codec_context.extradata


def _video_packets(
    stream: VideoStream,
    headers: bytes | None,
    time_base: Fraction,
    segments: list[tuple[Path, int]],
    order: np.ndarray,
    times: list[int],
) -> Iterator[Packet]:
    # Decoding times: the sorted presentation times, late by as many frames as the deepest reordering. So they
    # rise steadily and never pass a frame's own presentation.
    depth = int(np.max(np.arange(len(order)) - order))
    step = times[1] - times[0]
    number = 0
    for path, _ in segments:
        with opened(path) as container:
            source = container.streams.video[0]
            if source.codec_context.extradata != headers:
                raise _broken(f"{path.name} was encoded with other settings than the first segment")
            for packet in container.demux(source):
                if packet.size == 0:
                    continue
                place = int(order[number])
                packet.pts = times[place]
                packet.dts = times[number - depth] if number >= depth else times[0] - (depth - number) * step
                packet.duration = times[place + 1] - times[place]
                packet.time_base = time_base
                packet.stream = stream
                yield packet
                number += 1


def _decoding_time(packet: Packet) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base


def _broken(detail: str) -> ReelError:
    return ReelError.of(
        "export.segments",
        "Export cannot be joined",
        f"The export's parts do not fit together: {detail}.",
        "Start the export again.",
        500,
    )
