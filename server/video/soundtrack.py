"""An export's sound. One clip as it is keeps its own tracks, packet for packet where MP4 can hold them; clips
joined, slowed or with music get one stereo track mixed from samples."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from server.video.mixing import RATE
from server.video.probe import Source
from server.video.sandbox import client
from server.video.sound import Track

_BIT_RATE = 192_000
_ENCODED_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """A track of the source as a stream of the result, with its packets; time zero is the range's start."""

    packets: Iterator[Packet]
    note: str = ""


def kept(
    path: Path, source: Source, start: Fraction, end: Fraction, output: OutputContainer, scratch: Path
) -> list[Kept]:
    """All the file's sound tracks from `start` to `end` (seconds on the container's clock). Copied packets
    stay bit for bit; the first begins up to a few packets before `start`, since decoders need a run-up, and
    an edit list in the MP4 hides it, so sound and picture stay aligned. `scratch` must exist until the
    packets are read."""
    made = []
    for track in source.sound:
        if not track.copied:
            made.append(_anew(path, track, start, end, output))
            continue
        file = scratch / f"sound-{track.index}.mp4"
        facts = client.copied_sound(path, track.index, start, end, file)
        if facts is not None:
            made.append(_copied(track, file, *facts, output))
    return made


def _copied(track: Track, file: Path, first: int, rate: int, output: OutputContainer) -> Kept:
    with _own(file) as container:
        stream = cast(AudioStream, output.add_stream_from_template(container.streams.audio[0]))
    _name(stream, track)

    def packets() -> Iterator[Packet]:
        with _own(file) as container:
            source = container.streams.audio[0]
            base = source.time_base
            assert base is not None
            for packet in container.demux(source):
                if packet.size == 0 or packet.pts is None:
                    continue
                copy = Packet(bytes(packet))
                copy.pts = copy.dts = round(packet.pts * base * rate) + first
                copy.duration = round((packet.duration or 0) * base * rate)
                copy.time_base = Fraction(1, rate)
                copy.is_keyframe = True
                copy.stream = stream
                yield copy

    return Kept(packets())


def _own(file: Path) -> InputContainer:
    """A file that the sandbox wrote."""
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2",
        "enable_drefs": "0",
    }
    return av.open(f"file:{file}", container_options={**options, "ignore_editlist": "1"})


def _anew(path: Path, track: Track, start: Fraction, end: Fraction, output: OutputContainer) -> Kept:
    note = f"The sound ({track.codec} in {track.format}) was re-encoded as AAC: MP4 cannot hold it as it is."
    return Kept(encoded(client.samples(path, track.index, start, end), output, track), note)


def encoded(
    samples: Iterator[np.ndarray], output: OutputContainer, track: Track | None = None
) -> Iterator[Packet]:
    """AAC of float32 (n, 2) pieces that follow each other from time zero on. The stream is there at once."""
    stream = cast(AudioStream, output.add_stream("aac", rate=RATE, layout="stereo"))
    stream.codec_context.bit_rate = _BIT_RATE
    if track is not None:
        _name(stream, track)

    def packets() -> Iterator[Packet]:
        position = 0
        waiting = np.zeros((0, 2), np.float32)
        for piece in samples:
            waiting = np.concatenate([waiting, piece]) if len(waiting) else piece
            whole = len(waiting) // _ENCODED_AT_ONCE * _ENCODED_AT_ONCE
            for begin in range(0, whole, _ENCODED_AT_ONCE):
                yield from stream.encode(_frame(waiting[begin : begin + _ENCODED_AT_ONCE], position))
                position += _ENCODED_AT_ONCE
            waiting = waiting[whole:]
        if len(waiting):
            yield from stream.encode(_frame(waiting, position))
        yield from stream.encode(None)

    return packets()


def _frame(samples: np.ndarray, position: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, position, Fraction(1, RATE)
    return frame


def _name(stream: AudioStream, track: Track) -> None:
    for name, value in (("title", track.title), ("language", track.language)):
        if value:
            stream.metadata[name] = value
