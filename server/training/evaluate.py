"""Judges upscalers on pictures of one's own: halves and compresses them, and measures how much comes back.
`PROTOCOL` says how, the same for everyone."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from server.training import luma
from server.training.batches import to_unit
from server.training.nets import lanczos

FRAMES, PAN, BORDER = 5, 3, 8
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}

PROTOCOL = f"""\
Y matrix: BT.709, limited range, rounded to 8 bits; the picture is cut to a multiple of 4 a side.

Resize kernel: halved by antialiased bicubic (Pillow's, a = -0.5), pixel centres aligned.

Encoder: libx264, preset medium, the given CRF, no B-frames, one thread, 25 fps, 4:2:0 with grey chroma, else
its defaults.

Frame types: I, the picture alone; and P, the last of a clip of {FRAMES} frames, in which a window {
    PAN * (FRAMES - 1)
}
pixels narrower pans over the picture by {PAN} of its pixels a frame.

Measured: Y-PSNR with a peak of 255, and SSIM (Gaussian window of 11, sigma 1.5, K 0.01 and 0.03), of the
result rounded to 8 bits, {BORDER} pixels of border left out. Figures are means over pictures; "mean" is
that of
I and P.

References: bicubic (a = -0.5) and Lanczos-3 of the same decoded frames."""

Upscaler = Callable[[torch.Tensor], torch.Tensor]
"""Luma (1, 1, h, w) in 0…1 to (1, 1, 2h, 2w)."""


def on_arrays(double: Callable[[np.ndarray], np.ndarray]) -> Upscaler:
    """An upscaler from a function on numpy arrays: luma (h, w) in 0…1, float32, to (2h, 2w)."""
    return lambda low: torch.from_numpy(double(low[0, 0].numpy()))[None, None]


@dataclass(frozen=True)
class Score:
    """Of one upscaler on one frame: Y-PSNR in dB and SSIM."""

    psnr: float
    ssim: float


def bicubic(low: torch.Tensor) -> torch.Tensor:
    """Catmull-Rom (a = -0.5) at twice the size, borders repeated."""
    taps = torch.tensor([-0.0703125, 0.8671875, 0.2265625, -0.0234375])
    for axis in (2, 3):
        pad = (0, 0, 2, 2) if axis == 2 else (2, 2, 0, 0)
        x, n = functional.pad(low, pad, mode="replicate"), low.shape[axis]
        even = torch.stack([taps[3 - k] * x.narrow(axis, k, n) for k in range(4)]).sum(0)
        odd = torch.stack([taps[k] * x.narrow(axis, k + 1, n) for k in range(4)]).sum(0)
        low = torch.stack([even, odd], dim=axis + 1).flatten(axis, axis + 1)
    return low


def frames_of(path: Path, crf: float) -> list[tuple[luma.Luma, luma.Luma]]:
    """(compressed half, truth) of the I and the P frame that the protocol makes of a picture.
    Raises ValueError for one too small."""
    picture = luma.read(path)
    height, width = picture.shape[0] // 4 * 4, picture.shape[1] // 4 * 4
    if height < 64 or width < 64:
        raise ValueError(f"{path} is {picture.shape[1]}×{picture.shape[0]} pixels; 64×64 are needed")
    still = picture[:height, :width]
    narrow = width - PAN * (FRAMES - 1)
    clip = [picture[:height, PAN * i : PAN * i + narrow] for i in range(FRAMES)]
    pairs = []
    for truths in ([still], clip):
        options = {"crf": str(crf), "preset": "medium", "bf": "0", "threads": "1"}
        halves = [luma.resize(t, t.shape[1] // 2, height // 2, "bicubic") for t in truths]
        pairs.append((luma.through_codec(halves, "libx264", options)[-1], truths[-1]))
    return pairs


def score(result: torch.Tensor, truth: luma.Luma) -> Score:
    """Of an upscaled picture in 0…1 against limited-range luma."""
    got = torch.round(result[0, 0] * 219 + 16).clamp(0, 255)[BORDER:-BORDER, BORDER:-BORDER] / 255
    want = torch.from_numpy(np.ascontiguousarray(truth[BORDER:-BORDER, BORDER:-BORDER])).float() / 255
    error = float((got - want).square().mean())
    return Score(-10 * math.log10(error) if error else math.inf, _ssim(got, want))


def judge(path: Path, crf: float, upscalers: dict[str, Upscaler]) -> dict[str, list[Score]]:
    """Scores of one picture's I and P frame (in that order), by upscaler."""
    scores: dict[str, list[Score]] = {name: [] for name in upscalers}
    with torch.inference_mode():
        for low, truth in frames_of(path, crf):
            unit = to_unit(torch.from_numpy(low)[None, None])
            for name, upscaler in upscalers.items():
                scores[name].append(score(upscaler(unit), truth))
    return scores


def references() -> dict[str, Upscaler]:
    """What every net is compared with."""
    return {"bicubic": bicubic, "lanczos": lanczos}


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)


def _ssim(a: torch.Tensor, b: torch.Tensor) -> float:
    window = torch.exp(-(torch.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps = window / window.sum()
    stack = torch.stack([a, b, a * a, b * b, a * b])[:, None]
    stack = functional.conv2d(stack, taps.view(1, 1, 11, 1))
    mean_a, mean_b, aa, bb, ab = functional.conv2d(stack, taps.view(1, 1, 1, 11))[:, 0]
    c1, c2 = 0.01**2, 0.03**2
    covariance = ab - mean_a * mean_b
    spread = aa + bb - mean_a**2 - mean_b**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((likeness / ((mean_a**2 + mean_b**2 + c1) * (spread + c2))).mean())
