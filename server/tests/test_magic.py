"""Telling a file of video or sound by its first bytes."""

from pathlib import Path

import pytest

from server.tests import clips
from server.video.magic import HEAD_BYTES, begins_as_media


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts"])
def test_what_we_open_is_recognised(tmp_path: Path, suffix: str) -> None:
    path = clips.make(
        tmp_path / f"clip.{suffix}",
        clips.numbered(60, 96, 64),
        codec="libvpx-vp9" if suffix == "webm" else "libx264",
    )
    head = path.read_bytes()[:HEAD_BYTES]
    assert begins_as_media(head)


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "wav", "flac", "ogg", "aac"])
def test_sound_is_recognised(tmp_path: Path, suffix: str) -> None:
    clips.ffmpeg("-f", "lavfi", "-i", "sine=1000:d=1", str(tmp_path / f"song.{suffix}"))
    assert begins_as_media((tmp_path / f"song.{suffix}").read_bytes()[:HEAD_BYTES])


def test_mp3_without_a_title_is_recognised(tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    clips.ffmpeg("-f", "lavfi", "-i", "sine=1000:d=1", "-id3v2_version", "0", "-write_xing", "0", str(song))
    assert begins_as_media(song.read_bytes()[:HEAD_BYTES])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.7",
        b"G" * 100,
        b"text " * 99,
        b"RIFFsizeAVI ",
        b"\xff\xd8\xff\xe0",
    ],
)
def test_other_things_are_not(head: bytes) -> None:
    assert not begins_as_media(head)
