"""Puts an export together: the segments' packets behind each other, the sound, one MP4."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from av.container import Flags, InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from pycore.protocol import ReelError, SlowMotion
from server.video.container import opened
from server.video.files import appearing
from server.video.mixing import RATE, Stretch, clip_sound, with_music
from server.video.probe import Source
from server.video.sandbox import client
from server.video.soundtrack import encoded, kept
from server.video.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Piece:
    """One clip of the result: its file, what that is, when its frames are shown, `slow` of it, and its
    segments, each with its frames' count, in order. `first` and `count` are its frames in the source's table.
    `title` names it among the chapters."""

    path: Path
    source: Source
    timeline: Timeline
    first: int
    count: int
    segments: list[tuple[Path, int]]
    slow: SlowMotion | None = None
    title: str = ""

    @property
    def begin(self) -> Fraction:
        """On the source's clock, in seconds."""
        return int(self.source.table.pts[self.first]) * self.source.table.time_base

    @property
    def end(self) -> Fraction:
        table = self.source.table
        return table.end_of(self.first + self.count - 1) * table.time_base

    @property
    def plain(self) -> bool:
        """Whether the source's own times are kept."""
        return self.timeline.frozen == 0 and self.slow is None


@dataclass(frozen=True, slots=True)
class Score:
    """Music under the result: from `start_us` of the file's `duration_us` on, at `volume` (0 to 1)."""

    path: Path
    duration_us: int
    start_us: int
    volume: float


@dataclass(frozen=True, slots=True)
class Joined:
    """`frames` joined, shown for `duration_us`; whether sound came along; notes for people."""

    frames: int
    duration_us: int
    has_audio: bool
    notes: list[str]


def join(pieces: list[Piece], timescale: int, target: Path, music: Score | None = None) -> Joined:
    """Writes the MP4. Frames keep their times in the source; the first of each piece is shown when the piece
    before ends. Raises ReelError `export.segments` when a segment is not what the plan says."""
    segments = [segment for piece in pieces for segment in piece.segments]
    times = [0]
    for piece in pieces:
        times[-1:] = [times[-1] + int(each) for each in piece.timeline.ticks]
    order = _order(segments)
    options = {"movflags": "+faststart", "video_track_timescale": str(timescale)}
    with appearing(target) as part, TemporaryDirectory(dir=target.parent, prefix=".sound-") as scratch:
        with av.open(f"file:{part}", "w", format="mp4", options=options) as output:
            output.flags |= Flags.bitexact.value
            if made := pieces[0].source.about.made:
                output.metadata["creation_time"] = made
            if chapters := _chapters(pieces, timescale):
                output.set_chapters(chapters)
            stream, headers = _video_stream(output, segments[0][0], timescale)
            tracks = [_video_packets(stream, headers, Fraction(1, timescale), segments, order, times)]
            sound, notes = _sound(pieces, timescale, music, output, Path(scratch))
            try:
                for packet in heapq.merge(*tracks, *sound, key=_decoding_time):
                    output.mux(packet)
            except FFmpegError as error:
                raise _broken(f"writing failed: {error.strerror}") from error
    duration_us = round(times[-1] * Fraction(1_000_000, timescale))
    return Joined(len(times) - 1, duration_us, bool(sound), notes)


def _sound(
    pieces: list[Piece], timescale: int, music: Score | None, output: OutputContainer, scratch: Path
) -> tuple[list[Iterator[Packet]], list[str]]:
    if len(pieces) == 1 and pieces[0].plain and music is None:
        piece = pieces[0]
        tracks = kept(piece.path, piece.source, piece.begin, piece.end, output, scratch)
        return [track.packets for track in tracks], [track.note for track in tracks if track.note]
    if music is None and not any(piece.source.has_audio for piece in pieces):
        return [], []
    why = "several clips are joined" if len(pieces) > 1 else "the clip's times are changed"
    notes = [f"The sound was mixed and encoded as AAC: {'there is music' if music else why}."]
    if any(len(piece.source.sound) > 1 for piece in pieces):
        notes.append("Of several sound tracks in a file the first was taken.")
    made = np.concatenate([_clip_sound(piece, timescale) for piece in pieces])
    if music is not None:
        made = with_music(made, _music(music, len(made)), music.volume)
    return [encoded(iter([made]), output)], notes


def _clip_sound(piece: Piece, timescale: int) -> np.ndarray:
    still, end = (
        round(int(piece.timeline.ticks[each]) * Fraction(RATE, timescale))
        for each in (piece.timeline.frozen, -1)
    )
    if not piece.source.has_audio:
        return np.zeros((end, 2), np.float32)
    samples = np.concatenate([*client.samples(piece.path, 0, piece.begin, piece.end)])
    stretch = None
    if piece.slow is not None:
        table = piece.source.table
        times = table.times_us()[piece.first : piece.first + piece.count]
        slow = np.flatnonzero((times >= piece.slow.in_us) & (times < piece.slow.out_us)) + piece.first
        if len(slow):
            begin, behind = int(table.pts[slow[0]]), table.end_of(int(slow[-1]))
            first, last = (round((each * table.time_base - piece.begin) * RATE) for each in (begin, behind))
            stretch = Stretch(first, last, piece.slow.factor)
    return clip_sound(samples, still, stretch, end)


def _music(music: Score, length: int) -> np.ndarray:
    start = Fraction(music.start_us, 1_000_000)
    end = min(start + Fraction(length, RATE), Fraction(music.duration_us, 1_000_000))
    found = [*client.samples(music.path, 0, start, end)] if end > start else []
    return np.concatenate(found) if found else np.zeros((0, 2), np.float32)


def _chapters(pieces: list[Piece], timescale: int) -> list[Any]:
    """The source's own, where one clip keeps its times; else one for each clip."""
    found: list[tuple[int, int, str]] = []
    if len(pieces) == 1 and pieces[0].plain:
        begin, end = (round(each * 1_000_000) for each in (pieces[0].begin, pieces[0].end))
        for each in pieces[0].source.about.chapters:
            if each.begin_us < end and each.end_us > begin:
                first, last = max(each.begin_us, begin) - begin, min(each.end_us, end) - begin
                found.append((first, last, each.title))
    elif len(pieces) > 1:
        at = 0
        for number, piece in enumerate(pieces, 1):
            lasts = round(int(piece.timeline.ticks[-1]) * Fraction(1_000_000, timescale))
            found.append((at, at + lasts, piece.title or f"Clip {number}"))
            at += lasts
    return [
        {
            "id": number,
            "start": begin,
            "end": end,
            "time_base": Fraction(1, 1_000_000),
            "metadata": {"title": title},
        }
        for number, (begin, end, title) in enumerate(found)
    ]


def _order(segments: list[tuple[Path, int]]) -> np.ndarray:
    """int64 (frames,): for each packet, in order of decoding, its frame's place in order of presentation."""
    order: list[np.ndarray] = []
    behind = 0
    for path, frames in segments:
        with _reread(path) as container:
            pts = [packet.pts for packet in container.demux(container.streams.video[0]) if packet.size]
        if len(pts) != frames or None in pts or len(set(pts)) != frames:
            raise _broken(f"{path.name} has {len(pts)} frames, not {frames}")
        order.append(np.argsort(np.argsort(np.array(pts, np.int64))) + behind)
        behind += frames
    return np.concatenate(order)


def _reread(path: Path) -> InputContainer:
    """A segment that the encoder here has written. Its header tells all, so FFmpeg need not decode frames to
    know what it holds, which would be most of the time that joining takes."""
    options = {"protocol_whitelist": "file", "format_whitelist": "mov", "probesize": "32"}
    try:
        return av.open(f"file:{path}", options={"skip_frame": "all"}, container_options=options)
    except FFmpegError as error:
        raise _broken(f"{path.name} cannot be read ({error.strerror})") from error


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
        with _reread(path) as container:
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
