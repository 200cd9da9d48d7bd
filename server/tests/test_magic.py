"""Telling a video file by its first bytes."""

from pathlib import Path

import pytest

from server.tests import clips
from server.video.magic import HEAD_BYTES, begins_as_video


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts"])
def test_what_we_open_is_recognised(tmp_path: Path, suffix: str) -> None:
    path = clips.make(
        tmp_path / f"clip.{suffix}",
        clips.numbered(60, 96, 64),
        codec="libvpx-vp9" if suffix == "webm" else "libx264",
    )
    head = path.read_bytes()[:HEAD_BYTES]
    assert begins_as_video(head)


@pytest.mark.parametrize(
    "head", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"G" * 100, b"text " * 99]
)
def test_other_things_are_not(head: bytes) -> None:
    assert not begins_as_video(head)
