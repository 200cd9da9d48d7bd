"""The golden tests' inputs, and the comparison. The same cases run natively and in Chromium."""

from dataclasses import dataclass

import numpy as np

from pycore.tests import reference

Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """A frame (H, W, 4) uint8, the crop in it (x, y, width, height) and the look."""

    name: str
    frame: Array
    crop: tuple[int, int, int, int]
    split: float = 0.0
    sharpness: float = 0.4


@dataclass(frozen=True)
class Result:
    """What a GPU made of a case: `source` (h, w, 3) Y, Cb, Cr; `luma` (2h, 2w); `canvas` (2h, 2w, 3)
    uint8."""

    source: Array
    luma: Array
    canvas: Array


def result(crop: tuple[int, int, int, int], source: bytes, luma: bytes, canvas: bytes) -> Result:
    """From the bytes of an rgba16float, an r32float and an rgba8unorm texture."""
    _, _, width, height = crop
    return Result(
        np.frombuffer(source, np.float16).reshape(height, width, 4)[..., :3].astype(np.float32),
        np.frombuffer(luma, np.float32).reshape(2 * height, 2 * width),
        np.frombuffer(canvas, np.uint8).reshape(2 * height, 2 * width, 4)[..., :3],
    )


def noise(width: int, height: int, seed: int = 1) -> Array:
    """Opaque pixels without any pattern: every wrong tap shows."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


def impulse(width: int, height: int, at: tuple[int, int]) -> Array:
    """White at (x, y), else black."""
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[at[1], at[0]] = 255
    return pixels


def diagonal(side: int) -> Array:
    """Light above a diagonal edge, dark below."""
    pixels = np.full((side, side, 4), 255, np.uint8)
    pixels[..., :3] = np.where(np.arange(side)[None] > np.arange(side)[:, None], 200, 40)[..., None]
    return pixels


CASES = [
    Case("even size", noise(24, 16), (0, 0, 24, 16)),
    Case("odd size", noise(23, 17), (0, 0, 23, 17), sharpness=1.0),
    Case("one pixel", noise(5, 5), (2, 3, 1, 1), sharpness=1.0),
    Case("one row", noise(19, 5), (0, 4, 19, 1)),
    Case("one column", noise(5, 19), (4, 0, 1, 19)),
    Case("crop at the left", noise(40, 30), (0, 7, 13, 11)),
    Case("crop at the right", noise(40, 30), (27, 7, 13, 11)),
    Case("crop at the top", noise(40, 30), (9, 0, 13, 11)),
    Case("crop at the bottom", noise(40, 30), (9, 19, 13, 11)),
    Case("crop in the middle", noise(40, 30), (11, 9, 16, 8), sharpness=0.0),
    Case("frame smaller than announced", noise(10, 10), (6, 6, 9, 8)),
    Case("split in the middle", noise(20, 12), (1, 1, 17, 9), split=0.5),
    Case("split between pixels", noise(20, 12), (1, 1, 17, 9), split=0.37, sharpness=1.0),
    Case("all before", noise(20, 12), (1, 1, 17, 9), split=1.0),
    Case("impulse", impulse(15, 15, (7, 7)), (0, 0, 15, 15), sharpness=0.0),
    Case("diagonal", diagonal(17), (0, 0, 17, 17)),
    Case("more than one workgroup", noise(45, 37), (1, 2, 43, 34)),
]


def assert_golden(case: Case, got: Result) -> None:
    """Each shader against its reference, fed with what the shader before it really made."""
    # Half a step of 8 bits where the browser may convert colours on the way, and float16's rounding.
    np.testing.assert_allclose(
        got.source, reference.ingest(case.frame, case.crop), atol=1 / 500, err_msg="ingest"
    )
    np.testing.assert_allclose(
        got.luma, reference.lanczos3(got.source[..., 0]), atol=2e-5, err_msg="lanczos3"
    )
    wanted = reference.compose(got.source, got.luma, case.split, case.sharpness)
    # The canvas rounds to 8 bits, either way at a tie.
    np.testing.assert_allclose(got.canvas / 255, wanted, atol=0.51 / 255, err_msg="compose")
