"""What is asked of the processes that read files from elsewhere (see `child`), and checked of their
answers."""

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from pycore.protocol import decode
from server.config.media import media_limits
from server.video import probe
from server.video.rgb import Crop
from server.video.sandbox import ring
from server.video.sandbox.pool import serving
from server.video.sandbox.process import DecoderDied
from server.video.sound import RATE, Track


def inspect(path: Path) -> probe.Source:
    """What the file is. ReelError `media.*` for what is no usable video."""
    try:
        return _inspect(path)
    except DecoderDied:
        return _inspect(path)  # once more: it may have been the machine's fault


def _inspect(path: Path) -> probe.Source:
    with serving(path) as process:
        process.begin(do="inspect")
        facts: Any = None
        columns: list[np.ndarray] = []
        gathered = bytearray()
        most = media_limits().max_frames * 8
        while "end" not in (answer := process.line()):
            facts = answer.get("source", facts)
            gathered += answer["content"]
            if len(gathered) > most:
                raise process.broken("it sent nonsense")
            if "column" in answer:
                columns.append(np.frombuffer(bytes(gathered), np.int64))
                gathered.clear()
        return probe.from_wire(facts, columns)


def frames(
    path: Path, source: probe.Source, first: int, count: int, crop: Crop | list[Crop]
) -> Generator[np.ndarray, None, None]:
    """See server.video.decode.frames."""
    crops = crop if isinstance(crop, list) else [crop] * count
    with serving(path) as process:
        process.begin(do="frames", first=first, crops=crops)
        given = 0
        try:
            while "end" not in (answer := process.line()):
                slot = int(answer["slot"])
                if not 0 <= slot < ring.SLOTS or given == len(crops):
                    raise ValueError("an impossible slot")
                _, _, width, height = crops[given]
                memory = process.ring.slot(slot)
                made = memory[: height * width * 3].reshape(height, width, 3).copy()
                process.ask(do="free", slot=slot)
                yield made
                given += 1
        except GeneratorExit:
            process.end()
            raise
        if given != len(crops):
            raise process.broken("it sent too few frames")


def tracks(path: Path) -> tuple[Track, ...]:
    """See server.video.sound.read."""
    with serving(path) as process:
        process.begin(do="tracks")
        found: tuple[Track, ...] = ()
        while "end" not in (answer := process.line()):
            found = tuple(decode(list[Track], answer["tracks"]))
        if not found:
            raise process.broken("it sent nonsense")
        return found


def copied_sound(
    path: Path, stream: int, start: Fraction, end: Fraction, target: Path
) -> tuple[int, int] | None:
    """Writes the packets of a range as an MP4 at `target` (see server.video.sound.copy): (first, rate); None
    where there are none."""
    with serving(path) as process, target.open("wb") as file:
        process.begin(do="copy", stream=stream, start=str(start), end=str(end))
        facts: tuple[int, int] = (0, RATE)
        most = media_limits().max_sound_mib * 1024 * 1024
        while "end" not in (answer := process.line()):
            if "rate" in answer:
                facts = (int(answer["first"]), int(answer["rate"]))
            file.write(answer["content"])
            if file.tell() > most:
                raise process.broken("it sent too much")
        return facts if file.tell() else None


def samples(path: Path, stream: int, start: Fraction, end: Fraction) -> Iterator[np.ndarray]:
    """See server.video.sound.samples."""
    left = round((end - start) * RATE)
    with serving(path) as process:
        process.begin(do="samples", stream=stream, start=str(start), end=str(end))
        try:
            while "end" not in (answer := process.line()):
                made = np.frombuffer(answer["content"], np.float32).reshape(-1, 2)[:left]
                left -= len(made)
                yield made
        except GeneratorExit:
            process.end()
            raise
