"""HDR files through the decoder, against the definitions and an independent ffmpeg (zscale)."""

import threading
from pathlib import Path

import numpy as np
import pytest

from pycore.protocol import ExportClip, ExportRequest, Rect, Size
from server.gpu.local import local_processor
from server.tests import clips
from server.video import decode, hdr
from server.video.probe import inspect

TRANSFER = {"PQ": "smpte2084", "HLG": "arib-std-b67"}
LEVELS = (180, 300, 420, 480, 600, 760, 940)
"""Luma of 10 bits, from dark to the peak, side by side in stripes of 16 pixels."""


def made(path: Path, transfer: str) -> Path:
    """Grey stripes with a coloured band below them: HEVC of 10 bits, BT.2020."""
    steps = "".join(f"if(lt(X,{16 * n + 16}),{level}," for n, level in enumerate(LEVELS))
    luma = f"{steps}{LEVELS[-1]}{')' * len(LEVELS)}"
    clips.ffmpeg(
        "-f", "lavfi", "-i", f"color=black:s={16 * len(LEVELS)}x64:d=0.2:r=10,format=yuv444p10le,"
        f"geq=lum='{luma}':cb='if(lt(Y,32),512,540)':cr='if(lt(Y,32),512,490)',format=yuv420p10le",
        "-c:v", "libx265", "-x265-params",
        f"lossless=1:log-level=none:colorprim=bt2020:transfer={TRANSFER[transfer]}:colormatrix=bt2020nc",
        str(path),
    )  # fmt: skip
    return path


def shown(path: Path) -> np.ndarray:
    """The first frame, uint8 (64, width, 3)."""
    source = inspect(path)
    return next(iter(decode.frames(path, source, 0, 1, (0, 0, source.size.width, 64))))


def light_by_ffmpeg(path: Path) -> np.ndarray:
    """The first frame's light by zscale, BT.709 primaries, 1 = 203 cd/m²: float32 (64, width, 3)."""
    chain = "zscale=t=linear:npl=203:m=gbr,format=gbrpf32le,zscale=p=bt709,format=gbrpf32le"
    raw = clips.ffmpeg("-i", str(path), "-vf", chain, "-frames:v", "1", "-f", "rawvideo", "-")
    green, blue, red = np.frombuffer(raw, np.float32).reshape(3, 64, -1)
    return np.stack([red, green, blue], axis=-1)


@pytest.mark.parametrize("transfer", ["PQ", "HLG"])
def test_what_is_not_bright_looks_as_ffmpegs_light_says(tmp_path: Path, transfer: str) -> None:
    """Colours with PQ alone: zscale applies HLG's OOTF to each channel, BT.2100 to the luminance."""
    path = made(tmp_path / "a.mp4", transfer)
    light, result = light_by_ffmpeg(path), shown(path).astype(int)
    compared = 0
    for stripe in range(len(LEVELS)):
        for row in (12, 48) if transfer == "PQ" else (12,):
            wanted = light[row, 16 * stripe + 8]
            if wanted.min() >= 0 and wanted.max() < 85 / 203:
                code = 255 * wanted ** (1 / 2.4)
                assert np.abs(result[row, 16 * stripe + 8] - code).max() <= 2
                compared += 1
    assert compared >= (6 if transfer == "PQ" else 3)


@pytest.mark.parametrize("transfer", ["PQ", "HLG"])
def test_highlights_are_rolled_off_and_stay_apart(tmp_path: Path, transfer: str) -> None:
    grey = shown(made(tmp_path / "a.mp4", transfer))[12, 8::16].mean(1)
    assert (np.diff(grey[:6]) > 0).all()
    assert grey[-1] == 255


def test_reference_white_and_the_peak() -> None:
    """203 cd/m² of PQ lie below white, so that 1000 have room; nothing is darker than before the knee."""
    codes = np.rint(np.array([0.5807, 0.7518, 1.0, 0.0]) * 65535).astype(np.uint16)  # 203, 1000, 10000, 0
    result = hdr.standard(np.repeat(codes[None, :, None], 3, axis=2), hdr.PQ)[0, :, 0]
    assert 215 <= result[0] <= 240
    assert result[1:].tolist() == [255, 255, 0]


def test_the_export_says_so_and_is_tagged_as_standard(tmp_path: Path) -> None:
    source = {"in": made(tmp_path / "in.mp4", "HLG")}
    request = ExportRequest([ExportClip("in", 0, 10**9, Rect(0, 0, 112, 64))], Size(112, 64))
    processor = local_processor("cpu")
    plan = processor.plan(source, request)
    part = tmp_path / "0.mp4"
    processor.run_segment(source, plan, 0, part, lambda share: None, threading.Event())
    finished = processor.finish(source, plan, [part], tmp_path / "out.mp4")
    assert any("HDR (HLG)" in note for note in finished.notes)
    seen = clips.ffmpeg_frames(tmp_path / "out.mp4", 112, 64)[0].astype(int)
    wanted = shown(source["in"]).astype(int)
    assert np.abs(seen[8:24, 4::16] - wanted[8:24, 4::16]).max() <= 4
