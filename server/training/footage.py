"""Short clips of made-up play with their truth: a camera that pans and zooms over a picture, players of
other pictures that run across it, reduced to a quarter, compressed in 4:2:0 by a real encoder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from server.training.luma import KERNELS
from server.video.colour import SCALING

Rgb = NDArray[np.uint8]
"""(height, width, 3) R'G'B' of BT.709, full range."""

SCALE = 4
PRESETS = ("superfast", "veryfast", "faster", "fast", "medium")


@dataclass(frozen=True)
class FootageSpec:
    """How clips are made. `speed`: the camera's and the players' fastest, in pixels of the truth a frame;
    `zoom`: its largest change a frame; `players`: how many run at most; shares are probabilities; `crf` is
    uniform in its range; `noise_sigma` the largest, in 8-bit steps; `kernels` reduce to a quarter."""

    frames: int
    side: int
    speed: float
    zoom: float
    players: int
    crf: tuple[float, float]
    hevc_share: float
    shutter_share: float
    noise_share: float
    noise_sigma: float
    kernels: dict[str, float]


def moving_clip(
    picture: Image.Image,
    players: Sequence[Image.Image],
    scale: float,
    how: FootageSpec,
    rng: np.random.Generator,
) -> tuple[Rgb, Rgb]:
    """(low, high): uint8 (frames, side, side, 3) as it comes back from the codec, and its truth of SCALE
    times the side. `scale`: the picture's own pixels are reduced by it, which sharpens soft pictures."""
    camera = _Camera(picture, scale, how, rng)
    runners = [_Runner(each, camera.side, how, rng) for each in players[: int(rng.integers(how.players + 1))]]
    steps = 3 if rng.random() < how.shutter_share else 1  # an open shutter sees several moments
    high = np.empty((how.frames, camera.side, camera.side, 3), np.uint8)
    for index in range(how.frames):
        moments = [_moment(camera, runners, index + 0.5 * k / steps) for k in range(steps)]
        high[index] = np.rint(np.mean(moments, axis=0)) if steps > 1 else moments[0]
    low = _quartered(high, how, rng)
    return _through_codec(low, _encoder(how, rng)), high


def _moment(camera: "_Camera", runners: Sequence["_Runner"], time: float) -> Rgb:
    shown = camera.at(time)
    for runner in runners:
        runner.draw(shown, time)
    return np.asarray(shown)


class _Camera:
    """Looks at a window of the picture that moves evenly, with a tremble, and zooms a little."""

    def __init__(
        self, picture: Image.Image, scale: float, how: FootageSpec, rng: np.random.Generator
    ) -> None:
        self.side = how.side * SCALE
        self._picture = picture
        travel = how.speed * (how.frames + 1)
        # what the window sweeps over must fit: small pictures are reduced less, or enlarged
        room = min(picture.size) - 4
        self._scale = max(scale, (self.side + 2 * travel) / room)
        still = rng.random() < 0.25
        self._velocity = np.zeros(2) if still else rng.uniform(-how.speed, how.speed, 2)
        self._zoom = 0.0 if still else rng.uniform(-how.zoom, how.zoom)
        self._tremble = rng.uniform(0, 0.6, 2) * (rng.random() < 0.5)
        self._phase = rng.uniform(0, 2 * math.pi, 2)
        self._flip = rng.random() < 0.5
        reach = (self.side / 2 + np.abs(self._velocity) * how.frames + 4) / self._scale
        size = np.array(picture.size, float)
        low, high = np.minimum(reach, size / 2), np.maximum(size - reach, size / 2)
        start = rng.uniform(low, high)
        self._centre = start - self._velocity * how.frames / 2 / self._scale

    def at(self, time: float) -> Image.Image:
        """The window's picture at that moment (in frames)."""
        scale = self._scale * (1 + self._zoom * time)
        tremble = self._tremble * np.sin(2.1 * time + self._phase)
        step = 1 / scale
        corner = self._centre + (self._velocity * time + tremble) / self._scale - self.side / 2 * step
        room = np.maximum(np.array(self._picture.size) - self.side * step, 0)
        x, y = np.clip(corner, 0, room)
        if step > 1.25:  # reduced by a kernel that widens
            box = (x, y, x + self.side * step, y + self.side * step)
            shown = self._picture.resize((self.side, self.side), Image.Resampling.BICUBIC, box)
        else:
            shown = self._picture.transform(
                (self.side, self.side),
                Image.Transform.AFFINE,
                (step, 0, x, 0, step, y),
                Image.Resampling.BICUBIC,
            )
        return shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self._flip else shown


class _Runner:
    """A player cut out of some frame, who crosses the window, swaying."""

    def __init__(self, player: Image.Image, side: int, how: FootageSpec, rng: np.random.Generator) -> None:
        grow = rng.uniform(0.7, 1.6)
        width, height = (max(8, round(each * grow)) for each in player.size)
        self._player = player.resize((width, height), Image.Resampling.BICUBIC)
        if rng.random() < 0.5:
            self._player = self._player.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        self._velocity = rng.uniform(-1.5 * how.speed, 1.5 * how.speed, 2) * (1.0, 0.4)
        self._at = rng.uniform(0, side, 2) - self._velocity * how.frames / 2
        self._sway = rng.uniform(0.0, 0.08)
        self._pace = rng.uniform(0.4, 1.2)
        yy, xx = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        soft = np.clip((1 - (np.abs(xx) ** 2.5 + np.abs(yy) ** 2.5)) * 4, 0, 1)
        self._mask = Image.fromarray(np.rint(soft * 255).astype(np.uint8))

    def draw(self, shown: Image.Image, time: float) -> None:
        """Pastes the player at that moment, to a fraction of a pixel."""
        x, y = self._at + self._velocity * time
        sway = self._sway * math.sin(self._pace * time)
        width, height = self._player.size
        left, top = math.floor(x), math.floor(y)
        affine = (1, sway, left - x - sway * height / 2, 0, 1, top - y)
        size = (width + 2, height + 2)
        player, mask = (
            each.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
            for each in (self._player, self._mask)
        )
        shown.paste(player, (left, top), mask)


def _quartered(high: Rgb, how: FootageSpec, rng: np.random.Generator) -> Rgb:
    names = list(how.kernels)
    shares = np.array([how.kernels[name] for name in names])
    kernel = KERNELS[names[rng.choice(len(names), p=shares / shares.sum())]]
    low = np.stack([np.asarray(Image.fromarray(each).resize((how.side, how.side), kernel)) for each in high])
    if rng.random() >= how.noise_share:
        return low
    grain = rng.normal(0, how.noise_sigma * rng.random(), low.shape)
    return np.clip(np.rint(low + grain), 0, 255).astype(np.uint8)


def _encoder(how: FootageSpec, rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    crf = rng.uniform(*how.crf)
    if rng.random() < how.hevc_share:
        params = "pools=none:frame-threads=1:log-level=none"
        return "libx265", {"crf": f"{crf + 2:.1f}", "preset": "veryfast", "x265-params": params}
    # Without the macroblock tree the same frames give the same bytes each time.
    options = {"crf": f"{crf:.1f}", "preset": str(rng.choice(PRESETS)), "threads": "1", "mbtree": "0"}
    if rng.random() < 0.3:
        options["bf"] = "0"
    return "libx264", options


def _through_codec(frames: Rgb, encoder: tuple[str, dict[str, str]]) -> Rgb:
    """The frames as they come back: BT.709, limited range, 4:2:0, at 25 fps."""
    codec, options = encoder
    coder = av.CodecContext.create(codec, "w")
    assert isinstance(coder, av.VideoCodecContext)
    coder.height, coder.width = frames.shape[1:3]
    coder.pix_fmt, coder.time_base, coder.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    coder.options = options
    packets = []
    for index, each in enumerate(frames):
        frame = _converted(av.VideoFrame.from_ndarray(each, format="rgb24"), "yuv420p")
        frame.pts = index
        packets += coder.encode(frame)
    packets += coder.encode(None)
    decoder = av.CodecContext.create("hevc" if codec == "libx265" else "h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_type = "NONE"
    decoded = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    shown = [_converted(frame, "rgb24").to_ndarray().astype(np.uint8, copy=False) for frame in decoded]
    return np.stack(shown)


def _converted(frame: av.VideoFrame, kind: str) -> av.VideoFrame:
    ranges = (ColorRange.JPEG, ColorRange.MPEG) if kind == "yuv420p" else (ColorRange.MPEG, ColorRange.JPEG)
    return frame.reformat(
        format=kind,
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        interpolation=SCALING,  # as exports convert what the net will see
        src_color_range=ranges[0],
        dst_color_range=ranges[1],
    )
