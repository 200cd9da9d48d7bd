"""Makes files that are damaged, odd, or meant to do harm."""

import random
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from server.tests import clips


def sound_clip(path: Path) -> Path:
    """Two seconds of picture and sound, with its index in front."""
    plain = clips.make(path.with_name(f"plain-{path.name}"), clips.numbered(50), audio="aac")
    clips.ffmpeg("-i", str(plain), "-map", "0", "-c", "copy", "-movflags", "+faststart", str(path))
    plain.unlink()
    return path


def truncated(path: Path, share: float) -> Path:
    """The first part of a file, beside it."""
    content = path.read_bytes()
    part = path.with_name(f"{share:.2f}-{path.name}")
    part.write_bytes(content[: int(len(content) * share)])
    return part


def mutated(path: Path, seed: int) -> Path:
    """The file with a few bytes, runs and lengths changed."""
    dice = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(dice.randint(1, 30)):
        at = dice.randrange(len(content))
        match dice.randrange(4):
            case 0:
                content[at] = dice.randrange(256)
            case 1:
                content[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
            case 2:
                del content[at : at + dice.randint(1, 64)]
            case _:
                content[at:at] = content[at : at + dice.randint(1, 64)]
    made = path.with_name(f"mutation-{seed}-{path.name}")
    made.write_bytes(content)
    return made


def patched(path: Path, box: bytes, offset: int, value: bytes) -> Path:
    """An MP4 with `value` written `offset` bytes behind the first name of that box."""
    content = bytearray(path.read_bytes())
    at = content.index(box) + 4 + offset
    content[at : at + len(value)] = value
    made = path.with_name(f"patched-{path.name}")
    made.write_bytes(content)
    return made


def huge_header(folder: Path) -> Path:
    """Its container says 65535×65535; the decoder's own header has the truth."""
    path = clips.make(folder / "huge.mp4", clips.numbered(3), codec="mpeg4")
    return patched(path, b"mp4v", 24, struct.pack(">HH", 65535, 65535))


def endless(folder: Path) -> Path:
    """A few frames that last for years."""
    return clips.make(
        folder / "endless.mkv", clips.numbered(4), pts=[0, 1, 2, 10**9], time_base=Fraction(1, 25)
    )


def external(folder: Path) -> Path:
    """Says that its samples lie in another file, which is never opened: its own bytes are what is read."""
    (folder / "secret.txt").write_text("the secret\n" * 2000)
    path = clips.make(folder / "external.mp4", clips.numbered(3))
    content = bytearray(path.read_bytes())
    location = b"file:secret.txt\0"
    at = content.index(b"url \0\0\0\1")
    content[at + 4 : at + 8] = b"\0\0\0\0" + location  # no longer "in this file"
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref", b"url "):
        size = content.rindex(box, 0, at + 4) - 4
        grown = struct.unpack(">I", content[size : size + 4])[0] + len(location)
        content[size : size + 4] = struct.pack(">I", grown)
    path.write_bytes(content)
    return path


def playlist(folder: Path) -> Path:
    secret = clips.make(folder / "segment.ts", clips.numbered(3))
    path = folder / "list.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    return path


def concatenation(folder: Path) -> Path:
    clips.make(folder / "segment.mp4", clips.numbered(3))
    path = folder / "concat.mp4"
    path.write_text("ffconcat version 1.0\nfile segment.mp4\n")
    return path


def sparse(folder: Path) -> Path:
    """Four gigabytes of nothing behind the first bytes of an MP4."""
    path = folder / "sparse.mp4"
    with path.open("wb") as file:
        file.write(struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom"))
        file.truncate(4 * 2**30)
    return path


def zero_frames(folder: Path) -> Path:
    path = clips.make(folder / "none.mp4", clips.numbered(1))
    return patched(path, b"stsz", 8, struct.pack(">I", 0))


def resized(folder: Path) -> Path:
    """Its picture becomes larger in mid stream."""
    parts = [
        clips.make(folder / "a.ts", clips.numbered(20)),
        clips.make(folder / "b.ts", clips.numbered(20, 160, 120), pts=range(20, 40)),
    ]
    path = folder / "resized.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def eight_tracks(folder: Path) -> Path:
    one = sound_clip(folder / "one.mp4")
    path = folder / "eight.mp4"
    clips.ffmpeg("-i", str(one), "-map", "0:v", *["-map", "0:a"] * 8, "-c", "copy", str(path))
    return path


def negative(folder: Path) -> Path:
    plain = clips.make(folder / "plain.mp4", clips.numbered(30))
    path = folder / "negative.mp4"
    clips.ffmpeg(
        "-itsoffset", "-0.2", "-i", str(plain), "-c", "copy", "-avoid_negative_ts", "disabled", str(path)
    )
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "endless": (endless, "media.too-long"),
    "playlist": (playlist, "media."),
    "concatenation": (concatenation, "media."),
    "sparse": (sparse, "media."),
    "zero frames": (zero_frames, "media."),
}
ODD: dict[str, Callable[[Path], Path]] = {
    "external": external,
    "huge header": huge_header,
    "resolution changes": resized,
    "eight sound tracks": eight_tracks,
    "negative times": negative,
    "ten bits": lambda folder: clips.make(folder / "ten.mkv", clips.numbered(5), pix_fmt="yuv420p10le"),
    "odd size": lambda folder: clips.make(folder / "odd.mkv", clips.numbered(5, 97, 63), pix_fmt="yuv444p"),
    "turned": lambda folder: clips.make(folder / "turned.mp4", clips.numbered(5), rotation=90),
}
