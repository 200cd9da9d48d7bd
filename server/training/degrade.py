"""What a picture goes through before a preview sees it: halved, noise, compressed in a moving clip."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from server.training.luma import KERNELS, Luma, resize, through_codec

PRESETS = ("superfast", "veryfast", "faster", "fast", "medium")


@dataclass(frozen=True)
class Degradation:
    """How often and how strongly. Shares are probabilities; `crf_core` is drawn `core_share` of the time,
    else `crf`. Sigmas are the largest: in steps of 8-bit luma (noise), in pixels of the truth (blur)."""

    crf: tuple[float, float]
    crf_core: tuple[float, float]
    core_share: float
    intra_share: float
    hevc_share: float
    noise_share: float
    noise_sigma: float
    blur_share: float
    blur_sigma: float
    kernels: dict[str, float]


def degraded(
    source: Luma, side: int, scale: float, how: Degradation, rng: np.random.Generator
) -> tuple[Luma, Luma]:
    """(low, high): a tile of `source` reduced by `scale`, and what is left of it at half its size. `high` has
    2·side pixels a side.

    A window pans over the source for up to five frames, so that the encoder has motion to predict; one of
    them is returned."""
    intra = rng.random() < how.intra_share
    frames = 1 if intra else int(rng.integers(2, 6))
    speed = rng.integers(-3, 4, size=2) * (rng.random() < 0.75)
    reach = np.abs(speed) * (frames - 1)
    height, width = (int(2 * side + r) for r in reach)
    rows, columns = round(height / scale), round(width / scale)
    if rows > source.shape[0] or columns > source.shape[1]:
        raise ValueError(
            f"a tile of {columns}×{rows} does not fit a source of {source.shape[1]}×{source.shape[0]}"
        )
    top = int(rng.integers(0, source.shape[0] - rows + 1))
    left = int(rng.integers(0, source.shape[1] - columns + 1))
    canvas = source[top : top + rows, left : left + columns]
    if (rows, columns) != (height, width):
        canvas = resize(canvas, width, height, "bicubic" if rng.random() < 0.5 else "lanczos")
    if rng.random() < 0.5:
        canvas = canvas[:, ::-1]
    highs = []
    for index in range(frames):
        y, x = (int(s * index + (r if s < 0 else 0)) for s, r in zip(speed, reach, strict=True))
        highs.append(np.ascontiguousarray(canvas[y : y + 2 * side, x : x + 2 * side]))
    names = [name for name in how.kernels if name in KERNELS]
    shares = np.array([how.kernels[name] for name in names])
    kernel = names[rng.choice(len(names), p=shares / shares.sum())]
    sigma = how.blur_sigma * rng.random() if rng.random() < how.blur_share else 0.0
    noise = how.noise_sigma * rng.random() if rng.random() < how.noise_share else 0.0
    lows = [_halved(high, kernel, sigma, noise, rng) for high in highs]
    core = rng.random() < how.core_share
    crf = rng.uniform(*(how.crf_core if core else how.crf))
    options = {"crf": f"{crf:.1f}", "preset": str(rng.choice(PRESETS)), "threads": "1"}
    codec = "libx264"
    if rng.random() < how.hevc_share:
        codec = "libx265"
        options = {
            "crf": f"{crf + 2:.1f}",
            "preset": "veryfast",
            "x265-params": "pools=none:frame-threads=1:log-level=none",
        }
    elif rng.random() < 0.3:
        options["bf"] = "0"
    shown = int(rng.integers(frames))
    return through_codec(lows, codec, options)[shown], highs[shown]


def _halved(high: Luma, kernel: str, sigma: float, noise: float, rng: np.random.Generator) -> Luma:
    if sigma > 0:
        high = np.asarray(Image.fromarray(high).filter(ImageFilter.GaussianBlur(sigma)))
    low = resize(high, high.shape[1] // 2, high.shape[0] // 2, kernel)
    if noise == 0:
        return low
    grain = rng.normal(0, noise, low.shape)
    return np.clip(np.rint(low + grain), 0, 255).astype(np.uint8)
