"""Small real videos for tests, made with PyAV, and independent looks at results through the ffmpeg
program."""

import functools
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import imageio_ffmpeg
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / ".cache" / "assets" / "demo" / "demo.mp4"
RATE = 48000


def numbered(count: int, width: int = 96, height: int = 64) -> list[np.ndarray]:
    """Frames that can be told apart: uint8 RGB, a gradient whose brightness carries the frame's number, a red
    patch top left, a blue one bottom right."""
    across = np.linspace(0, 60, width)[None, :, None]
    down = np.linspace(0, 40, height)[:, None, None]
    frames = []
    for number in range(count):
        frame = np.broadcast_to(40 + across + down + (number * 37) % 80, (height, width, 3)).copy()
        frame[: height // 4, : width // 4] = (200, 30, 30)
        frame[-height // 4 :, -width // 4 :] = (30, 30, 200)
        frames.append(frame.round().astype(np.uint8))
    return frames


def tone(seconds: float) -> np.ndarray:
    """float32 (2, samples): a tone that rises, so that shifts show."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (300 + 200 * t) * t)
    return np.stack([wave, wave]).astype(np.float32)


def make(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    audio: str | None = None,
    seconds: float | None = None,
    matrix: int = 1,
) -> Path:
    """Writes a video; the kind of file follows the name's suffix. `pts` in `time_base` units, by default one
    each."""
    height, width, _ = frames[0].shape
    times = list(pts) if pts is not None else list(range(len(frames)))
    with av.open(str(path), "w") as output:
        stream = cast(VideoStream, output.add_stream(codec, rate=25, options=options or {}))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, pix_fmt
        context.time_base = time_base
        context.colorspace = context.color_primaries = context.color_trc = matrix
        context.color_range = 1
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        sound = None
        if audio is not None:
            sound = cast(AudioStream, output.add_stream(audio, rate=RATE, layout="stereo"))
        for number, picture in enumerate(frames):
            frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format=pix_fmt, dst_colorspace=matrix if matrix != 6 else 5, dst_color_range=1
            )
            frame.pts, frame.time_base = times[number], time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            lasts = seconds if seconds is not None else float((times[-1] + 1) * time_base)
            _sound(output, sound, tone(lasts))
    return path


def _sound(output: Any, stream: AudioStream, samples: np.ndarray) -> None:
    resampler = av.AudioResampler(
        stream.codec_context.format, "stereo", RATE, stream.codec_context.frame_size or 1024
    )
    frame = AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(stream.encode(part))
    output.mux(stream.encode(None))


@functools.cache
def demo_frames(count: int, side: int) -> list[np.ndarray]:
    """Square cut-outs of the demo clip with people in it: real content."""
    frames = []
    with av.open(str(DEMO)) as container:
        for frame in container.decode(video=0):
            frames.append(frame.to_ndarray(format="rgb24")[280 : 280 + side, 560 : 560 + side].copy())
            if len(frames) == count:
                break
    return frames


def ffmpeg(*arguments: str) -> bytes:
    """Runs the ffmpeg program (another build than PyAV's) and returns its standard output."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    call = [program, "-v", "error", "-nostdin", *arguments]
    return subprocess.run(call, capture_output=True, check=True).stdout


def ffmpeg_frames(path: Path, width: int, height: int) -> np.ndarray:
    """All frames as ffmpeg shows them, turned by the display matrix: uint8 RGB (n, height, width, 3)."""
    raw = ffmpeg(
        "-i", str(path), "-fps_mode", "passthrough", "-sws_flags", "bicubic+accurate_rnd+full_chroma_int",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
    )  # fmt: skip
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def packets(path: Path, kind: str) -> list[bytes]:
    """The payloads of the first stream of that kind, in order of decoding."""
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def video_times(path: Path) -> list[Fraction]:
    """Presentation times in seconds, sorted, as the container tells them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        times = [packet.pts for packet in container.demux(stream) if packet.size and not packet.is_discard]
        return sorted(time * stream.time_base for time in times if time is not None)


def psnr_y(a: np.ndarray, b: np.ndarray, border: int = 4) -> float:
    """PSNR of BT.709 luma in dB over pictures of one shape, without their outermost pixels."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    inner = (..., slice(border, -border), slice(border, -border))
    difference = (a.astype(np.float64) @ weights)[inner] - (b.astype(np.float64) @ weights)[inner]
    return float(10 * np.log10(255**2 / np.mean(difference**2)))
