"""A reel's sound from samples: clips behind each other, slowed where the picture is, music under them. All
arrays are float32 (n, 2), stereo, RATE per second."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as AtEnd
from av.filter import Graph

from server.video.sound import RATE

_JOIN_FADE_S = 0.005
"""At cuts: short enough not to be heard, long enough not to click."""
_FADE_IN_S, _FADE_OUT_S, _LOOP_FADE_S = 0.5, 1.5, 1.0
_CONTROL = RATE // 100
_LOUD = 10 ** (-40 / 20)
_DUCKED = 10 ** (-9 / 20)
_ATTACK_S, _RELEASE_S = 0.15, 0.8


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a clip's sound, in samples of the clip, that lasts `factor` times longer in the reel."""

    begin: int
    end: int
    factor: int


def clip_sound(samples: np.ndarray, still: int, stretch: Stretch | None, length: int) -> np.ndarray:
    """A clip's sound as long as its picture (`length` samples): silence while its first frame stands still
    (`still` samples), then its own, pitch kept where it is slowed."""
    parts = [samples]
    if stretch is not None:
        before, middle, after = np.split(samples, [stretch.begin, stretch.end])
        parts = [before, slowed(middle, stretch.factor), after]
    parts = [_edges_faded(part) for part in parts if len(part)]
    made = np.concatenate([np.zeros((still, 2), np.float32), *parts])
    return fitted(made, length)


def slowed(samples: np.ndarray, factor: int) -> np.ndarray:
    """The same sound, `factor` (2 or 4) times longer, by FFmpeg's atempo (WSOLA)."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE))
    tempos = [graph.add("atempo", "0.5") for _ in range(factor.bit_length() - 1)]
    sink = graph.add("abuffersink")
    graph.link_nodes(source, *tempos, sink).configure()
    found: list[np.ndarray] = []

    def pull() -> None:
        while True:
            try:
                frame = sink.pull()
            except (NothingYet, AtEnd):
                return
            assert isinstance(frame, AudioFrame)
            made = frame.to_ndarray()
            found.append(made.T if frame.format.is_planar else made.reshape(-1, 2))

    for begin in range(0, len(samples), 4096):
        piece = np.ascontiguousarray(samples[begin : begin + 4096].T)
        frame = AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, begin, Fraction(1, RATE)
        source.push(frame)
        pull()
    source.push(None)
    pull()
    made = np.concatenate(found) if found else np.zeros((0, 2), np.float32)
    return fitted(made.astype(np.float32), factor * len(samples))


def fitted(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut, or filled with silence."""
    samples = samples[:length]
    return np.concatenate([samples, np.zeros((length - len(samples), 2), np.float32)])


def with_music(sound: np.ndarray, music: np.ndarray, volume: float) -> np.ndarray:
    """`music` under `sound`: repeated where it is shorter, faded in and out, and quieter by 9 dB while there
    is something to hear in `sound`."""
    if len(sound) == 0 or len(music) == 0:
        return sound
    bed = _looped(music, len(sound)) * np.float32(volume)
    bed = _faded(bed, _FADE_IN_S, min(_FADE_OUT_S, len(sound) / RATE / 2))
    mixed = sound + bed * _ducking(sound)[:, None]
    peak = float(np.abs(mixed).max())
    return (mixed / peak if peak > 1 else mixed).astype(np.float32)


def _looped(music: np.ndarray, length: int) -> np.ndarray:
    overlap = min(round(_LOOP_FADE_S * RATE), len(music) // 2)
    made = music
    ramp = np.linspace(0, 1, overlap, dtype=np.float32)[:, None]
    while len(made) < length:
        joint = made[len(made) - overlap :] * np.sqrt(1 - ramp) + music[:overlap] * np.sqrt(ramp)
        made = np.concatenate([made[: len(made) - overlap], joint, music[overlap:]])
    return made[:length]


def _ducking(sound: np.ndarray) -> np.ndarray:
    """float32 (n,): the music's gain beside this sound, falling fast and rising slowly."""
    steps = -(-len(sound) // _CONTROL)
    padded = np.zeros(steps * _CONTROL, np.float32)
    padded[: len(sound)] = np.abs(sound).max(axis=1)
    loud = np.sqrt((padded.reshape(steps, _CONTROL) ** 2).mean(axis=1)) > _LOUD
    fall, rise = (1 - np.exp(-_CONTROL / RATE / each) for each in (_ATTACK_S, _RELEASE_S))
    gain, level = np.empty(steps, np.float32), 1.0
    for step in range(steps):
        level += (_DUCKED - level) * fall if loud[step] else (1 - level) * rise
        gain[step] = level
    middles = (np.arange(steps) + 0.5) * _CONTROL
    return np.interp(np.arange(len(sound)), middles, gain).astype(np.float32)


def _faded(samples: np.ndarray, begin_s: float, end_s: float) -> np.ndarray:
    made = samples.copy()
    for seconds, side in ((begin_s, 1), (end_s, -1)):
        count = min(round(seconds * RATE), len(made))
        ramp = np.linspace(0, 1, count, dtype=np.float32)[:, None]
        if side == 1:
            made[:count] *= ramp
        elif count:
            made[-count:] *= ramp[::-1]
    return made


def _edges_faded(samples: np.ndarray) -> np.ndarray:
    return _faded(samples, _JOIN_FADE_S, _JOIN_FADE_S)
