"""The sound of a range of a file: its own packets where MP4 can hold them, else samples. In the sandbox
alone; `server.video.soundtrack` makes an export's sound of what comes out."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet

from server.config.media import media_limits
from server.video.container import SOUND_FORMATS, codec_name, media_error, opened

# Codecs that MP4 holds and players play, with the packets that a decoder needs before the first that is
# heard.
COPIED = {"aac": 1, "mp3": 1, "opus": 4, "ac3": 1, "eac3": 1, "flac": 0, "alac": 0}
RATE = 48000
"""Samples per second of `samples`."""
_SEEK_MARGIN_S = 2


@dataclass(frozen=True, slots=True)
class Track:
    """A sound track. `format` is its container's; `copied`: its packets can be kept bit for bit.
    `duration_us`: 0 where the container does not tell."""

    index: int
    codec: str
    format: str
    copied: bool
    duration_us: int = 0
    title: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Copied:
    """Where copied packets lie: the first at `first` samples of `rate` per second from the range's start,
    before it by as much as decoders need to run up."""

    first: int
    rate: int


def read(path: Path) -> list[Track]:
    """The sound tracks of a file of which the sound alone counts: one at least, and the first tells how long
    it lasts. ReelError `media.*` for any other."""
    with opened(path, SOUND_FORMATS) as container:
        found = tracks(container)
    if not found or found[0].codec == "unknown":
        raise media_error(
            "no-sound", "No sound in this file", f"{path.name} has none.", "Choose other music."
        )
    if not 0 < found[0].duration_us <= media_limits().max_seconds * 1_000_000:
        raise media_error(
            "no-duration",
            "Music without a length that can be used",
            f"{path.name} says that it lasts {found[0].duration_us / 1e6:g} s.",
            "Convert it: ffmpeg -i INPUT -c:a aac OUTPUT.m4a",
        )
    return found


def tracks(container: InputContainer) -> list[Track]:
    """The file's sound tracks, in order."""
    found = []
    for index, stream in enumerate(container.streams.audio):
        codec = codec_name(stream)
        # MPEG-TS carries AAC with a header on each packet, which MP4 has no place for.
        copied = codec in COPIED and container.format.name != "mpegts"
        title, language = (str(stream.metadata.get(name, ""))[:200] for name in ("title", "language"))
        lasts = 0
        if stream.duration and stream.time_base:
            lasts = round(stream.duration * stream.time_base * 1_000_000)
        elif container.duration:
            lasts = container.duration
        found.append(Track(index, codec, container.format.name, copied, lasts, title, language))
    return found


def copy(path: Path, index: int, start: Fraction, end: Fraction) -> tuple[Copied, bytes]:
    """The packets that sound from `start` to `end` (seconds on the container's clock), bit for bit, as an MP4
    in memory whose first packet is at zero."""
    memory = io.BytesIO()
    limit = media_limits().max_sound_mib * 1024 * 1024
    with opened(path) as container:
        source = container.streams.audio[index]
        rate = source.rate
        first: int | None = None
        with av.open(memory, "w", format="mp4", options={"use_editlist": "0"}) as target:
            stream = target.add_stream_from_template(source)
            for packet, pts, samples in _copies(container, source, start, end):
                first = pts if first is None else first
                # A new packet: the old one's marks (priming to skip, discard) are said by the edit list
                # instead.
                made = Packet(bytes(packet))
                made.pts = made.dts = pts - first
                made.duration = samples
                made.time_base = Fraction(1, rate)
                made.is_keyframe = True
                made.stream = stream
                target.mux(made)
                if memory.tell() > limit:
                    raise _too_much(path)
    return Copied(first or 0, rate), b"" if first is None else memory.getvalue()


def _copies(
    container: InputContainer, source: AudioStream, start: Fraction, end: Fraction
) -> Iterator[tuple[Packet, int, int]]:
    """(packet, time, duration), both in samples from `start`."""
    time_base = source.time_base
    assert time_base is not None
    rate = source.rate
    expected: int | None = None
    for packet in _range(container, source, start, end, COPIED[codec_name(source)]):
        assert packet.pts is not None
        # In samples, and without the jitter of containers that round to milliseconds.
        pts = round((packet.pts * time_base - start) * rate)
        if expected is not None and abs(pts - expected) <= time_base * rate:
            pts = expected
        elif expected is not None and pts < expected:
            continue  # times that go back: of two packets for one moment the first is kept
        samples = source.codec_context.frame_size or round((packet.duration or 0) * time_base * rate)
        if abs(samples - (packet.duration or 0) * time_base * rate) > time_base * rate:
            samples = round((packet.duration or 0) * time_base * rate)  # a last, shorter one
        expected = pts + max(samples, 1)
        yield packet, pts, samples


def samples(path: Path, index: int, start: Fraction, end: Fraction) -> Iterator[np.ndarray]:
    """What sounds from `start` to `end`: float32 (n, 2), stereo, -1 to 1, RATE per second, in pieces that
    follow each other without a gap; silence where there is none."""
    total = round((end - start) * RATE)
    begin = round(start * RATE)
    position = 0
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=RATE)

    def pieces(frames: list[AudioFrame]) -> Iterator[np.ndarray]:
        nonlocal position
        for frame in frames:
            if frame.pts is None or frame.time_base is None:
                continue
            made = frame.to_ndarray().reshape(-1, 2)
            first = round(frame.pts * frame.time_base * RATE) - begin
            if abs(first - position) <= RATE // 1000:
                first = position  # what containers that round to milliseconds make of a steady row
            made = made[max(position - first, 0) : max(total - first, 0)]
            if len(made) == 0:
                continue
            yield from silence(max(first, position) - position)
            position += len(made)
            yield np.nan_to_num(made, nan=0.0, posinf=1.0, neginf=-1.0)

    def silence(length: int) -> Iterator[np.ndarray]:
        nonlocal position
        position += length
        while length > 0:
            yield np.zeros((min(length, RATE), 2), np.float32)
            length -= RATE

    with opened(path, SOUND_FORMATS) as container:
        source = container.streams.audio[index]
        for packet in _range(container, source, start, end, 2):
            try:
                frames = packet.decode()
            except FFmpegError:
                continue  # a damaged packet is a moment of silence
            for frame in frames:
                yield from pieces(resampler.resample(frame))
        yield from pieces(resampler.resample(None))
    yield from silence(total - position)


def _range(
    container: InputContainer, source: AudioStream, start: Fraction, end: Fraction, run_up: int
) -> Iterator[Packet]:
    """The packets that sound in the range, with `run_up` more before."""
    time_base = source.time_base
    assert time_base is not None
    begin, behind = start / time_base, end / time_base
    if start > _SEEK_MARGIN_S:  # seeking to the very start would pass over what lies before zero
        container.seek(int(begin - _SEEK_MARGIN_S / time_base), stream=source)
    waiting: list[Packet] = []
    for packet in container.demux(source):
        if packet.size == 0 or packet.pts is None:
            continue
        if packet.pts >= behind:
            break
        waiting.append(packet)
        if packet.pts + (packet.duration or 0) > begin:
            yield from waiting
            waiting.clear()
        elif len(waiting) > run_up:
            waiting.pop(0)


def _too_much(path: Path) -> Exception:
    return media_error(
        "too-long",
        "Too much sound",
        f"The sound of {path.name} has more than {media_limits().max_sound_mib} MiB in this range.",
        "Export a shorter range.",
    )
