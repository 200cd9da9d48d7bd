"""The golden tests' inputs, and the comparison. The same cases run natively and in Chromium."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pycore.protocol import Size
from pycore.tests import reference
from pycore.upscaler.kernels import HALVES
from pycore.upscaler.plan import FEATURES
from pycore.upscaler.upscaler import cells_of
from pycore.upscaler.weights import GROUP, Conv

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
    """What a GPU made of a case: `source` (h, w, 3) Y, Cb, Cr; `luma` (2h, 2w); `canvas` (2h, 2w, 3) uint8;
    `features` what a net's layers left between them, (channels, rows of cells, columns), by buffer."""

    source: Array
    luma: Array
    canvas: Array
    features: dict[str, Array]


def result(crop: tuple[int, int, int, int], read: Mapping[str, bytes]) -> Result:
    """From the bytes of what a plan keeps, and of an rgba8unorm canvas."""
    width, height = crop[2:]
    cells = cells_of(Size(width, height))
    luma = np.frombuffer(read["luma"], np.float32).reshape(4 * cells.height, 4 * cells.width)
    features = {
        name: np.frombuffer(read[name], np.float16).reshape(-1, cells.height, cells.width, GROUP)
        for name in FEATURES
        if name in read
    }
    return Result(
        np.frombuffer(read["source"], np.float16).reshape(height, width, 4)[..., :3].astype(np.float32),
        luma[: 2 * height, : 2 * width],
        np.frombuffer(read["canvas"], np.uint8).reshape(2 * height, 2 * width, 4)[..., :3],
        {
            name: each.transpose(0, 3, 1, 2).reshape(-1, cells.height, cells.width)
            for name, each in features.items()
        },
    )


def some_net(*widths: int) -> list[Conv]:
    """A net with these channels between its layers, whose every weight matters."""
    random = np.random.default_rng(7)
    ends = list(pairwise((4, *widths, 16)))
    return [
        Conv(
            outputs=made,
            inputs=given,
            weight=(random.standard_normal(9 * made * given) / (9 * given) ** 0.5).tolist(),
            bias=(random.standard_normal(made) / 4).tolist(),
            slope=([1.0] * made if index == len(ends) - 1 else random.uniform(-0.5, 0.5, made).tolist()),
        )
        for index, (given, made) in enumerate(ends)
    ]


TWO_BUFFERS = some_net(8, 24)
"""Three layers: each has its output kept, the first in features-a, the second in features-b."""

KEPT = {"packed": frozenset[str](), "f16": frozenset({HALVES})}
"""How halves are kept between layers: the features of a device that does so."""


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


def assert_fused(case: Case, got: Result, net: Sequence[Conv]) -> None:
    """What a net of three layers draws whose ends are fused, for a look without sharpening: the first layer
    left Y, Cb, Cr and its features, the last the picture."""
    np.testing.assert_allclose(
        got.source, reference.ingest(case.frame, case.crop), atol=1 / 500, err_msg="source"
    )
    wanted = reference.conv(reference.to_cells(got.source[..., 0]), net[0])
    made = got.features["features-a"][: net[0].outputs]
    # A texture may round its halves the other way than the shader does for itself: one of 11 bits per tap.
    np.testing.assert_allclose(made, wanted, rtol=6e-4, atol=1e-3, err_msg="first")
    luma = reference.corrected(got.source[..., 0], reference.conv(got.features["features-b"], net[-1]))
    wanted = reference.compose(got.source, luma, case.split, 0.0)
    np.testing.assert_allclose(got.canvas / 255, wanted, atol=0.51 / 255, err_msg="last")


def assert_golden(case: Case, got: Result, net: Sequence[Conv] = ()) -> None:
    """Each shader against its reference, fed with what the shader before it really made. `net` has three
    layers or none."""
    # Half a step of 8 bits where the browser may convert colours on the way, and float16's rounding.
    np.testing.assert_allclose(
        got.source, reference.ingest(case.frame, case.crop), atol=1 / 500, err_msg="ingest"
    )
    luma = got.source[..., 0]
    if net:
        first, second, last = net
        # Halves between layers: half a step of 11 bits, and sums in another order.
        for made, layer, given in (
            (got.features["features-a"], first, reference.to_cells(luma)),
            (got.features["features-b"], second, got.features["features-a"]),
        ):
            wanted = reference.conv(given[: layer.inputs], layer)
            np.testing.assert_allclose(
                made[: layer.outputs], wanted, rtol=6e-4, atol=2e-5, err_msg=f"conv to {layer.outputs}"
            )
        wanted = reference.corrected(luma, reference.conv(got.features["features-b"], last))
        np.testing.assert_allclose(got.luma, wanted, atol=2e-5, err_msg="last conv")
    else:
        np.testing.assert_allclose(got.luma, reference.lanczos3(luma), atol=2e-5, err_msg="lanczos3")
    wanted = reference.compose(got.source, got.luma, case.split, case.sharpness)
    # The canvas rounds to 8 bits, either way at a tie.
    np.testing.assert_allclose(got.canvas / 255, wanted, atol=0.51 / 255, err_msg="compose")
