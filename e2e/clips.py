"""Small real clips for the tests, encoded here with PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

DEMO = Path(__file__).parents[1] / "dist" / "demo" / "demo.mp4"


def demo_frames(count: int, size: tuple[int, int]) -> list[np.ndarray]:
    """The demo clip's first `count` frames, area-averaged to `size` (width, height): (H, W, 3) uint8 RGB."""
    frames = []
    with av.open(str(DEMO)) as container:
        for frame in container.decode(video=0):
            image = frame.to_image().resize(size, Image.Resampling.BOX, reducing_gap=None)
            frames.append(np.asarray(image))
            if len(frames) == count:
                break
    return frames


def quarter(frames: list[np.ndarray]) -> list[np.ndarray]:
    """The frames at a quarter of the size, bicubic with antialiasing: how super-resolution is judged."""
    height, width = frames[0].shape[:2]
    size = (width // 4, height // 4)
    return [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in frames]


def write_clip(
    path: Path, frames: list[np.ndarray], fps: int = 30, crf: int = 12, audio: bool = True
) -> Path:
    """An H.264 MP4 (BT.709, limited range) of `frames` ((H, W, 3) uint8 RGB), with a quiet tone as AAC if
    asked."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.colorspace = 1
        video.codec_context.color_range = 1
        video.codec_context.color_primaries = 1
        video.codec_context.color_trc = 1
        sound = container.add_stream("aac", rate=48000, layout="mono") if audio else None
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            samples = len(frames) * 48000 // fps
            tone = (0.1 * np.sin(np.arange(samples) * 2 * np.pi * 440 / 48000)).astype(np.float32)
            for start in range(0, samples, 1024):
                block = av.AudioFrame.from_ndarray(
                    tone[None, start : start + 1024], format="fltp", layout="mono"
                )
                block.sample_rate, block.pts, block.time_base = 48000, start, Fraction(1, 48000)
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def read_clip(path: Path) -> tuple[list[np.ndarray], int]:
    """(frames as (H, W, 3) uint8 RGB, number of audio packets) of a file."""
    with av.open(str(path)) as container:
        frames = [
            frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG").to_ndarray()
            for frame in container.decode(video=0)
        ]
    with av.open(str(path)) as container:
        packets = (
            sum(1 for packet in container.demux(audio=0) if packet.size) if container.streams.audio else 0
        )
    return frames, packets


def luma(pixels: np.ndarray) -> np.ndarray:
    """BT.709 luma, full range 0..255, float64, of (H, W, 3) RGB."""
    return pixels.astype(np.float64) @ np.array([0.2126, 0.7152, 0.0722])


def y_psnr(ours: list[np.ndarray], truth: list[np.ndarray], border: int = 8) -> float:
    """Y-PSNR in dB over all frames, without `border` pixels at each side."""
    inner = slice(border, -border)
    errors = [
        np.mean((luma(a)[inner, inner] - luma(b)[inner, inner]) ** 2)
        for a, b in zip(ours, truth, strict=True)
    ]
    return float(10 * np.log10(255**2 / np.mean(errors)))
