from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pycore.protocol import ReelError, Size
from server.tests import clips
from server.video import decode
from server.video.probe import inspect, probe


def all_frames(path: Path, first: int = 0, count: int | None = None) -> np.ndarray:
    source = inspect(path)
    count = len(source.table) - first if count is None else count
    crop = (0, 0, source.size.width, source.size.height)
    return np.stack(list(decode.frames(path, source, first, count, crop)))


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference. (The largest one lies at coloured edges: the ffmpeg program takes chroma to
    sit between columns unless told, while H.264 puts it on the left one.)"""
    return float(np.abs(a.astype(int) - b).mean())


LOSSLESS = {"crf": "1", "g": "12"}


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turned_upright_as_ffmpeg_does(tmp_path: Path, rotation: int) -> None:
    path = clips.make(tmp_path / "a.mp4", clips.numbered(3), rotation=rotation, options=LOSSLESS)
    size = Size(96, 64) if rotation % 180 == 0 else Size(64, 96)
    info = probe(path, "a.mp4")
    assert info.size == size
    assert info.rotation == (360 - rotation) % 360  # FFmpeg counts against the clock
    expected = clips.ffmpeg_frames(path, size.width, size.height)
    assert difference(all_frames(path), expected) < 1


def test_mirrored(tmp_path: Path) -> None:
    plain = clips.make(tmp_path / "a.mp4", clips.numbered(3), options=LOSSLESS)
    path = tmp_path / "mirrored.mp4"
    clips.ffmpeg("-display_hflip", "-display_rotation", "90", "-i", str(plain), "-c", "copy", str(path))
    expected = clips.ffmpeg_frames(path, 64, 96)
    assert difference(all_frames(path), expected) < 1


@pytest.mark.parametrize("matrix", [1, 6])
def test_colours_by_the_files_own_matrix(tmp_path: Path, matrix: int) -> None:
    frames = clips.numbered(2)
    path = clips.make(tmp_path / "a.mp4", frames, matrix=matrix, options={"crf": "1"})
    made = all_frames(path)[0].astype(int)
    for patch in (np.s_[2:12, 2:20], np.s_[-12:-2, -20:-2], np.s_[25:40, 40:60]):
        assert np.abs(made[patch] - frames[0][patch]).max() <= 3


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p10le", "yuv422p", "yuvj420p"])
def test_other_pixel_formats(tmp_path: Path, pix_fmt: str) -> None:
    frames = clips.numbered(2)
    path = clips.make(tmp_path / "a.mkv", frames, pix_fmt=pix_fmt, options={"crf": "1"})
    made = all_frames(path)[1].astype(int)
    for patch in (np.s_[2:12, 2:20], np.s_[-12:-2, -20:-2], np.s_[25:40, 40:60]):
        assert np.abs(made[patch] - frames[1][patch]).max() <= 4


def test_ten_bits_round_to_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    grey = 16 * 4 + 219 * 4 * 100.4 / 255  # 100.4 in 8-bit RGB, which truncation would make 100 or less
    clips.ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=64x64:d=0.2:r=10,format=yuv420p10le,"
        f"geq=lum={round(grey)}:cb=512:cr=512", "-c:v", "ffv1", str(path),
    )  # fmt: skip
    exact = (round(grey) - 64) / 876 * 255
    assert set(np.unique(all_frames(path))) == {round(exact)}


def test_odd_sizes(tmp_path: Path) -> None:
    frames = clips.numbered(3, 97, 63)
    path = clips.make(tmp_path / "a.mkv", frames, pix_fmt="yuv444p", options={"crf": "1"})
    assert probe(path, "a").size == Size(97, 63)
    assert np.abs(all_frames(path)[2].astype(int) - frames[2]).max() <= 8


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(4, 3), Size(128, 64)), (Fraction(2, 3), Size(96, 96))]
)
def test_pixel_aspect_grows_one_side(tmp_path: Path, aspect: Fraction, size: Size) -> None:
    path = clips.make(tmp_path / "a.mp4", clips.numbered(3), aspect=aspect)
    assert probe(path, "a").size == size
    assert all_frames(path).shape == (3, size.height, size.width, 3)


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("mp4", "libx264", {"g": "12", "bf": "3"}),
        ("mp4", "libx264", {"x264-params": "keyint=12:bframes=3:open-gop=1:scenecut=0"}),
        ("ts", "libx264", {"g": "12", "bf": "3"}),
        ("mkv", "libx264", {"g": "250", "bf": "2"}),
        ("webm", "libvpx-vp9", {"g": "12", "deadline": "realtime"}),
        ("mp4", "libx265", {"x265-params": "keyint=12:log-level=none"}),
    ],
)
def test_a_frame_does_not_depend_on_where_decoding_starts(
    tmp_path: Path, suffix: str, codec: str, options: dict[str, str]
) -> None:
    path = clips.make(tmp_path / f"a.{suffix}", clips.numbered(40), codec=codec, options=options)
    whole = all_frames(path)
    assert len(whole) == 40
    for first in (0, 7, 11, 12, 13, 24, 30):
        assert np.array_equal(all_frames(path, first, 6), whole[first : first + 6])


def test_frames_behind_an_edit_list(tmp_path: Path) -> None:
    whole = clips.make(tmp_path / "a.mp4", clips.numbered(50), options={"g": "25"})
    cut = tmp_path / "cut.mp4"
    clips.ffmpeg("-ss", "1.4", "-i", str(whole), "-c", "copy", str(cut))
    assert np.array_equal(all_frames(cut), all_frames(whole, 35))


def test_crop(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "a.mp4", clips.numbered(2), rotation=90)
    cropped = next(iter(decode.frames(path, inspect(path), 1, 1, (3, 5, 20, 30))))
    assert cropped.flags.c_contiguous
    assert np.array_equal(cropped, all_frames(path)[1, 5:35, 3:23])


@pytest.mark.parametrize(
    ("pix_fmt", "rotation", "size"),
    [
        ("yuv420p", 0, (200, 120)),
        ("yuv420p", 90, (200, 120)),
        ("yuv420p", 180, (200, 120)),
        ("yuv420p", 270, (200, 120)),
        ("yuv420p10le", 0, (201, 121)),
        ("yuv422p", 0, (200, 121)),
        ("yuv444p", 0, (201, 121)),
        ("yuvj420p", 0, (200, 120)),
    ],
)
def test_what_is_cut_first_is_the_same(
    tmp_path: Path, pix_fmt: str, rotation: int, size: tuple[int, int]
) -> None:
    """A crop is cut out before its colours are converted: its pixels are those of the whole picture."""
    noise = [np.random.default_rng(5).integers(0, 255, (size[1], size[0], 3), np.uint8)]
    suffix = "mp4" if rotation else "mkv"
    codec = "ffv1" if size[1] % 2 else "libx264"
    path = clips.make(tmp_path / f"a.{suffix}", noise, pix_fmt=pix_fmt, rotation=rotation, codec=codec)
    whole = all_frames(path)[0]
    source = inspect(path)
    corner = (source.size.width - 31, source.size.height - 33, 31, 33)
    for x, y, width, height in ((31, 23, 40, 52), (0, 1, 17, 30), (61, 50, 40, 60), (64, 64, 2, 2), corner):
        crop = (x, y, width, height)
        (made,) = decode.frames(path, source, 0, 1, crop)
        assert made.shape == (height, width, 3)
        assert np.array_equal(made, whole[y : y + height, x : x + width]), crop


def damage(path: Path, first: float, last: float) -> None:
    """Overwrites the middle of the packets' bytes."""
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat")
    end = begin + int.from_bytes(data[begin - 4 : begin])
    span = range(begin + int((end - begin) * first), begin + int((end - begin) * last))
    data[span.start : span.stop] = bytes(len(span))
    path.write_bytes(data)


def test_damage_in_the_middle_is_concealed(tmp_path: Path) -> None:
    noisy = [np.random.default_rng(n).integers(0, 255, (64, 96, 3), np.uint8) for n in range(30)]
    path = clips.make(tmp_path / "a.mp4", noisy, options={"g": "10", "bf": "0"})
    damage(path, 0.5, 0.53)
    assert all_frames(path).shape == (30, 64, 96, 3)


def test_a_lost_part_is_named_by_its_time(tmp_path: Path) -> None:
    noisy = [np.random.default_rng(n).integers(0, 255, (64, 96, 3), np.uint8) for n in range(30)]
    path = clips.make(tmp_path / "a.mp4", noisy, codec="mjpeg", pix_fmt="yuvj420p")
    damage(path, 0.32, 0.99)
    with pytest.raises(ReelError, match=r"cannot be decoded at 0\.60 s"):
        all_frames(path, 15, 5)
