"""Every shader again, in numpy, from the definitions and not from the shaders: what the golden tests compare
with.

Pictures are float32 arrays, height first. Edges repeat the outermost pixel. Rounding: surfaces of format
rgba16float are rounded to float16; the canvas is compared with a tolerance.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pycore.upscaler.weights import Conv

Array = np.ndarray


def ingest(frame: Array, crop: tuple[int, int, int, int]) -> Array:
    """(H, W, 3 or 4) uint8 RGB -> (height, width, 3) Y, Cb, Cr of the crop (x, y, width, height)."""
    x, y, width, height = crop
    rows = np.clip(np.arange(y, y + height), 0, frame.shape[0] - 1)
    columns = np.clip(np.arange(x, x + width), 0, frame.shape[1] - 1)
    red, green, blue = np.moveaxis(frame[rows][:, columns, :3].astype(np.float64) / 255, 2, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    ycc = np.stack([luma, (blue - luma) / (2 - 2 * 0.0722), (red - luma) / (2 - 2 * 0.2126)], 2)
    return ycc.astype(np.float16).astype(np.float32)


def lanczos3(luma: Array, overshoot: float = 0.25) -> Array:
    """(h, w) -> (2h, 2w): separable Lanczos of three lobes, clamped to the range of the four nearest pixels
    and a share `overshoot` of it, and to 0 to 1."""
    free = free_lanczos3(luma)
    windows = [
        luma[_nearest(luma.shape[0], i)][:, _nearest(luma.shape[1], j)] for i in (0, 1) for j in (0, 1)
    ]
    least, most = np.minimum.reduce(windows), np.maximum.reduce(windows)
    margin = overshoot * (most - least)
    return np.clip(free, np.maximum(least - margin, 0), np.minimum(most + margin, 1)).astype(np.float32)


def free_lanczos3(luma: Array) -> Array:
    """(h, w) -> (2h, 2w): separable Lanczos of three lobes as it is, what nets correct."""
    return _separable(luma, lambda x: np.sinc(x) * np.sinc(x / 3), 3)


def to_cells(luma: Array) -> Array:
    """(h, w) -> (4, h / 2, w / 2): space to depth; odd sizes repeat their last row and column."""
    even = np.pad(luma, [(0, side % 2) for side in luma.shape], "edge")
    return np.stack([even[i::2, j::2] for i in (0, 1) for j in (0, 1)])


def from_cells(cells: Array, height: int, width: int) -> Array:
    """(16, h, w) -> depth to space, of which (height, width) is used."""
    _, rows, columns = cells.shape
    picture = cells.reshape(4, 4, rows, columns).transpose(2, 0, 3, 1).reshape(4 * rows, 4 * columns)
    return picture[:height, :width]


def conv(cells: Array, layer: Conv) -> Array:
    """(in, h, w) -> (out, h, w): 3x3, borders repeated, then PReLU."""
    weight = np.array(layer.weight).reshape(layer.outputs, layer.inputs, 3, 3)
    _, height, width = cells.shape
    padded = np.pad(cells.astype(np.float64), ((0, 0), (1, 1), (1, 1)), "edge")
    total = np.array(layer.bias)[:, None, None] + sum(
        np.tensordot(weight[:, :, i, j], padded[:, i : i + height, j : j + width], 1)
        for i in range(3)
        for j in range(3)
    )
    return np.where(total >= 0, total, total * np.array(layer.slope)[:, None, None])


def corrected(luma: Array, residual_cells: Array) -> Array:
    """(h, w) and a net's last layer -> (2h, 2w) luma within 0 to 1."""
    height, width = luma.shape
    return np.clip(free_lanczos3(luma) + from_cells(residual_cells, 2 * height, 2 * width), 0, 1)


def upscale(luma: Array, net: Sequence[Conv]) -> Array:
    """(h, w) -> (2h, 2w): a whole net; between layers float16, as the shaders keep it."""
    cells = to_cells(luma)
    for layer in net[:-1]:
        cells = conv(cells, layer).astype(np.float16)
    return corrected(luma, conv(cells, net[-1]))


def _position(length: int) -> Array:
    """Where the centres of 2 * length output pixels lie, in source pixels (0 = the first pixel's centre)."""
    return (np.arange(2 * length) + 0.5) / 2 - 0.5


def _nearest(length: int, which: int) -> Array:
    return np.clip(np.floor(_position(length)).astype(int) + which, 0, length - 1)


def _separable(picture: Array, kernel: Callable[[Array], Array], lobes: int) -> Array:
    """(h, w) -> (2h, 2w) with a separable kernel that reaches `lobes` pixels, its weights scaled to sum to
    1."""
    rows, columns = (np.zeros((2 * length, length)) for length in picture.shape)
    for weights in (rows, columns):
        for out, at in enumerate(_position(weights.shape[1])):
            taps = int(np.floor(at)) + np.arange(1 - lobes, lobes + 1)
            values = kernel(at - taps)
            np.add.at(weights[out], np.clip(taps, 0, weights.shape[1] - 1), values / values.sum())
    return rows @ picture.astype(np.float64) @ columns.T


def bicubic(picture: Array) -> Array:
    """(h, w) -> (2h, 2w): Catmull-Rom, what people call bicubic."""

    def kernel(x: Array) -> Array:
        x = np.abs(x)
        return np.where(x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2)

    return _separable(picture, kernel, 2)


def bilinear(picture: Array) -> Array:
    """(h, w, c) -> (2h, 2w, c) with half-pixel centring."""
    for axis in (0, 1):
        length = picture.shape[axis]
        share = (_position(length) - np.floor(_position(length))).reshape(
            [-1 if a == axis else 1 for a in range(3)]
        )
        first, second = (np.take(picture, _nearest(length, which), axis) for which in (0, 1))
        picture = first * (1 - share) + second * share
    return picture


def sharpen(luma: Array, sharpness: float) -> Array:
    """(h, w) -> (h, w): a cross-shaped sharpening as strong as keeps 0 to 1, within the five pixels'
    range."""
    height, width = luma.shape
    padded = np.pad(luma.astype(np.float64), 1, "edge")
    cross = [padded[i : i + height, j : j + width] for i, j in ((0, 1), (1, 0), (1, 2), (2, 1))]
    least, most = np.minimum.reduce(cross), np.maximum.reduce(cross)
    room_below = least / np.maximum(4 * most, 1e-6)
    room_above = (1 - most) / np.maximum(4 - 4 * least, 1e-6)
    lobe = -np.minimum(np.minimum(room_below, room_above), 0.1875) * sharpness
    sharp = (luma + lobe * sum(cross)) / (1 + 4 * lobe)
    return np.clip(sharp, np.minimum(least, luma), np.maximum(most, luma))


def compose(source: Array, luma: Array, split: float, sharpness: float) -> Array:
    """(h, w, 3) Y, Cb, Cr and (2h, 2w) luma -> (2h, 2w, 3) RGB, 0 to 1."""
    ycc = bilinear(source.astype(np.float64))
    after = np.arange(ycc.shape[1]) + 0.5 >= np.float32(split) * ycc.shape[1]
    ycc[:, after, 0] = sharpen(luma, sharpness)[:, after]
    luma_, blue_, red_ = np.moveaxis(ycc, 2, 0)
    red, blue = luma_ + (2 - 2 * 0.2126) * red_, luma_ + (2 - 2 * 0.0722) * blue_
    green = (luma_ - 0.2126 * red - 0.0722 * blue) / 0.7152
    return np.clip(np.stack([red, green, blue], 2), 0, 1)


def picture(
    frame: Array,
    crop: tuple[int, int, int, int],
    split: float = 0.0,
    sharpness: float = 0.4,
    net: Sequence[Conv] = (),
) -> Array:
    """The whole way: what the canvas shows, (2h, 2w, 3) uint8."""
    source = ingest(frame, crop)
    luma = upscale(source[..., 0], net) if net else lanczos3(source[..., 0])
    return np.rint(compose(source, luma, split, sharpness) * 255).astype(np.uint8)


def place(
    picture: Array, offset: tuple[float, float], step: tuple[float, float], size: tuple[int, int]
) -> Array:
    """(h, w, 3) -> (size[1], size[0], 3): pixel (i, j) is what lies at offset + (i + 1/2, j + 1/2) * step, in
    the picture's pixels, by Keys' cubic (a = -1/2), widened by a step above 1 and then normalised."""
    for axis in (0, 1):
        length, count = picture.shape[axis], size[1 - axis]
        centres = offset[1 - axis] + (np.arange(count) + 0.5) * step[1 - axis] - 0.5
        wide = max(step[1 - axis], 1.0)
        rim = 3 * int(np.ceil(wide))
        x = np.abs(np.arange(-rim, length + rim)[None] - centres[:, None]) / wide
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        weights = np.where(x < 1, near, np.where(x < 2, far, 0.0))
        weights /= weights.sum(axis=1, keepdims=True)
        padded = np.pad(picture, [(rim, rim) if each == axis else (0, 0) for each in range(3)], "edge")
        picture = np.moveaxis(np.tensordot(weights, padded, ((1,), (axis,))), 0, axis)
    return np.clip(picture, 0, 1)
