"""Files that are no usable videos, each with the code of the answer that it deserves."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

import av
from av.video.stream import VideoStream

from server.tests import clips


def _text(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("This is not a video.\n" * 100)
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def _missing(folder: Path) -> Path:
    return folder / "missing.mp4"


def _folder(folder: Path) -> Path:
    path = folder / "folder.mp4"
    path.mkdir()
    return path


def _picture(folder: Path) -> Path:
    path = folder / "picture.mp4"
    path.write_bytes(
        clips.ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", "-f", "apng", "-")
    )
    return path


def _playlist(folder: Path) -> Path:
    """Would make FFmpeg read another file, or the network, if it were let."""
    other = clips.make(folder / "secret.ts", clips.numbered(5))
    path = folder / "list.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n")
    return path


def _halved(folder: Path, name: str, *options: str) -> Path:
    whole = clips.make(folder / f"whole{name}", clips.numbered(150), audio="aac")
    path = folder / f"cut{name}"
    copied = folder / f"copied{name}"
    clips.ffmpeg("-i", str(whole), "-c", "copy", *options, str(copied))
    data = copied.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def _no_frames(folder: Path) -> Path:
    path = folder / "none.mp4"
    with av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov"}) as output:
        stream = cast(VideoStream, output.add_stream("libx264", rate=25))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        output.start_encoding()
    return path


def _audio_only(folder: Path) -> Path:
    whole = clips.make(folder / "whole.mp4", clips.numbered(5), audio="aac")
    path = folder / "sound.mp4"
    clips.ffmpeg("-i", str(whole), "-vn", "-c", "copy", str(path))
    return path


def _unknown_codec(folder: Path) -> Path:
    return clips.make(folder / "old.mkv", clips.numbered(5), codec="mpeg1video")


def _huge_header(folder: Path) -> Path:
    """The key frame claims 16383x16383 pixels: 400 MB a picture."""
    path = clips.make(folder / "huge.webm", clips.numbered(5), codec="libvpx")
    data = bytearray(path.read_bytes())
    at = data.index(b"\x9d\x01\x2a") + 3
    data[at : at + 4] = struct.pack("<HH", 16383, 16383)
    path.write_bytes(data)
    return path


CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "text": (_text, "media.not-a-video"),
    "empty": (_empty, "media.empty"),
    "missing": (_missing, "media.unreadable"),
    "folder": (_folder, "media.unreadable"),
    "picture": (_picture, "media.unsupported-container"),
    "playlist": (_playlist, "media.not-a-video"),
    "truncated, index last": (lambda folder: _halved(folder, ".mp4"), "media.truncated"),
    "truncated, index first": (
        lambda folder: _halved(folder, ".mp4", "-movflags", "+faststart"),
        "media.truncated",
    ),
    "truncated MKV": (lambda folder: _halved(folder, ".mkv"), "media.truncated"),
    "no frames": (_no_frames, "media.no-frames"),
    "audio only": (_audio_only, "media.no-video"),
    "unsupported codec": (_unknown_codec, "media.unsupported-codec"),
    "huge frame header": (_huge_header, "media.damaged"),
}
