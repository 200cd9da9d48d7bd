import numpy as np
import torch
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from pycore.protocol import Size
from server.gpu import pixels


def to_yuv(picture: np.ndarray) -> np.ndarray:
    """float RGB (h, w, 3), 0 to 1 -> yuv420p."""
    return pixels.to_yuv420(torch.from_numpy(picture).permute(2, 0, 1)[None].float()).numpy()


def test_colours_survive_ffmpegs_way_back() -> None:
    colours = np.array(
        [[0, 0, 0], [255, 255, 255], [200, 30, 30], [30, 200, 30], [30, 30, 200], [90, 120, 60]]
    )
    for colour in colours:
        yuv = to_yuv(np.broadcast_to(colour / 255.0, (16, 16, 3)).copy())
        frame = VideoFrame.from_ndarray(yuv, format="yuv420p")
        back = frame.reformat(
            format="rgb24",
            src_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
        ).to_ndarray()
        assert np.abs(back.astype(int) - colour).max() <= 2


def test_limited_range() -> None:
    assert (to_yuv(np.zeros((4, 4, 3)))[:4] == 16).all()
    assert (to_yuv(np.ones((4, 4, 3)))[:4] == 235).all()
    assert (to_yuv(np.ones((4, 4, 3)))[4:] == 128).all()


def test_chroma_lies_on_the_left_column_and_between_the_rows() -> None:
    """Blue rises linearly to the right and downwards: chroma must be the ramp's value at its own place."""
    rows, columns = np.mgrid[0:8, 0:16].astype(np.float64)

    def blue(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.1 + 0.03 * x + 0.05 * y

    picture = np.zeros((8, 16, 3))
    picture[..., 2] = blue(columns, rows)
    cb = to_yuv(picture)[8:10].reshape(4, 8)
    x, y = np.meshgrid(np.arange(0, 16, 2), np.arange(0, 8, 2) + 0.5)
    expected = 128 + 224 * 0.5 * blue(x, y)
    assert np.abs(cb - expected)[:, 1:].max() <= 0.5 + 1e-4  # the first column has no neighbour to its left


def test_resize_keeps_the_picture_in_place() -> None:
    """Centres of pixels stay where they are: a ramp keeps its value at every place, scaled down or up."""
    ramp = torch.linspace(0.1, 0.9, 64).expand(1, 3, 48, 64)
    for size in (Size(32, 24), Size(24, 18), Size(100, 70)):
        made = pixels.resize(ramp, size)
        assert made.shape == (1, 3, size.height, size.width)
        place = (torch.arange(size.width) + 0.5) * 64 / size.width - 0.5
        expected = 0.1 + 0.8 * place / 63
        inner = slice(size.width // 8, -size.width // 8)
        assert torch.allclose(made[0, 0, 5, inner], expected[inner], atol=1e-3)


def test_resize_averages_what_it_cannot_show() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(32).expand(1, 3, 64, 64)
    made = pixels.resize(stripes, Size(16, 16))
    assert torch.allclose(made[..., 2:-2], torch.tensor(0.5), atol=0.03)


def test_result_is_clamped() -> None:
    wild = torch.tensor([-0.5, 1.5]).repeat(4).expand(1, 3, 8, 8)
    made = pixels.resize(wild, Size(8, 8))
    assert (made.min(), made.max()) == (0.0, 1.0)
