"""The sound of a range: the source's own packets where MP4 can hold them, else AAC made from them."""

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from server.video.container import codec_name

# Codecs that MP4 holds and players play, with the packets that a decoder needs before the first that is
# heard.
COPIED = {"aac": 1, "mp3": 1, "opus": 4, "ac3": 1, "eac3": 1, "flac": 0, "alac": 0}
_BIT_RATE = 160_000
_SEEK_MARGIN_S = 2


class AudioTrack:
    """The sound of `container` from `start` to `end` (seconds on the container's clock) as a stream of
    `output`.

    Copied packets stay bit for bit. The first begins up to a few packets before `start`, since decoders need
    a run-up; an edit list in the MP4 hides it, so sound and picture stay aligned.
    """

    def __init__(
        self, container: InputContainer, output: OutputContainer, start: Fraction, end: Fraction
    ) -> None:
        self._container = container
        self._source = container.streams.audio[0]
        self._start, self._end = start, end
        self.notes: list[str] = []
        if len(container.streams.audio) > 1:
            self.notes.append("Of several sound tracks the first was taken.")
        codec = codec_name(self._source)
        # MPEG-TS carries AAC with a header on each packet, which MP4 has no place for.
        self._copied = codec in COPIED and container.format.name != "mpegts"
        if self._copied:
            self.stream = output.add_stream_from_template(self._source)
            self._run_up = COPIED[codec]
        else:
            rate = min(max(self._source.rate or 48000, 8000), 48000)
            layout = "mono" if self._source.channels == 1 else "stereo"
            self.stream = cast(AudioStream, output.add_stream("aac", rate=rate, layout=layout))
            self.stream.codec_context.bit_rate = _BIT_RATE
            self.notes.append(f"The sound ({codec} in {container.format.name}) was re-encoded as AAC.")

    def packets(self) -> Iterator[Packet]:
        """Packets for the output, in order; time zero is `start`. Call once."""
        return self._copies() if self._copied else self._encoded()

    def _range(self) -> Iterator[Packet]:
        """The source's packets that sound in the range, with the run-up before."""
        time_base = self._source.time_base
        assert time_base is not None
        begin, end = self._start / time_base, self._end / time_base
        run_up = self._run_up if self._copied else 1
        if self._start > _SEEK_MARGIN_S:  # seeking to the very start would pass over what lies before zero
            self._container.seek(int(begin - _SEEK_MARGIN_S / time_base), stream=self._source)
        waiting: list[Packet] = []
        for packet in self._container.demux(self._source):
            if packet.size == 0 or packet.pts is None:
                continue
            if packet.pts >= end:
                break
            waiting.append(packet)
            if packet.pts + (packet.duration or 0) > begin:
                yield from waiting
                waiting.clear()
            elif len(waiting) > run_up:
                waiting.pop(0)

    def _copies(self) -> Iterator[Packet]:
        time_base = self._source.time_base
        assert time_base is not None
        rate = self._source.rate
        expected: int | None = None
        for packet in self._range():
            assert packet.pts is not None
            # In samples, and without the jitter of containers that round to milliseconds.
            pts = round((packet.pts * time_base - self._start) * rate)
            if expected is not None and abs(pts - expected) <= time_base * rate:
                pts = expected
            samples = self._source.codec_context.frame_size or round(
                (packet.duration or 0) * time_base * rate
            )
            if abs(samples - (packet.duration or 0) * time_base * rate) > time_base * rate:
                samples = round((packet.duration or 0) * time_base * rate)  # a last, shorter one
            # A new packet: the old one's marks (priming to skip, discard) are said by the edit list instead.
            copy = Packet(bytes(packet))
            copy.pts = copy.dts = pts
            copy.duration = samples
            copy.time_base = Fraction(1, rate)
            copy.is_keyframe = True
            copy.stream = self.stream
            expected = pts + samples
            yield copy

    def _encoded(self) -> Iterator[Packet]:
        context = self.stream.codec_context
        resampler = av.AudioResampler(format="fltp", layout=context.layout, rate=context.sample_rate)
        rate = context.sample_rate
        begin, end = round(self._start * rate), round(self._end * rate)
        position: int | None = None

        def encode(frames: list[AudioFrame]) -> Iterator[Packet]:
            nonlocal position
            for frame in frames:
                if frame.pts is None or frame.time_base is None:
                    continue
                first = round(frame.pts * frame.time_base * rate)
                samples = frame.to_ndarray()[:, max(begin - first, 0) : max(end - first, 0)]
                if samples.shape[1] == 0:
                    continue
                position = max(first, begin) - begin if position is None else position
                part = AudioFrame.from_ndarray(samples.copy(), format="fltp", layout=context.layout.name)
                part.sample_rate, part.pts, part.time_base = rate, position, Fraction(1, rate)
                position += part.samples
                yield from self.stream.encode(part)

        for packet in self._range():
            try:
                frames = packet.decode()
            except FFmpegError:
                continue  # a damaged packet is a moment of silence
            for frame in frames:
                yield from encode(resampler.resample(frame))
        yield from encode(resampler.resample(None))
        yield from self.stream.encode(None)
