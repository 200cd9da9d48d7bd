"""The process that reads files from elsewhere: `python -m server.video.sandbox.child RING SLOT_BYTES MEMORY
FILE`.

It answers requests on its standard input, one JSON object a line, with JSON lines on its standard output;
where a line says `"bytes": n`, n bytes follow. It serves one file and ends with its input.
"""

import errno
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.error import FFmpegError
from av.logging import set_level

from pycore.protocol import Problem, ReelError, encode
from server.config.media import media_limits
from server.video import decode, probe, sound
from server.video.sandbox.confine import allow_cpu, confine
from server.video.sandbox.ring import SLOTS, Ring

PIECE = 1024 * 1024


class Output:
    """Standard output as a file to write answers to."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def line(self, answer: Mapping[str, Any], content: bytes | memoryview = b"") -> None:
        head = json.dumps({**answer, "bytes": len(content)} if len(content) else answer).encode() + b"\n"
        self._write(head)
        self._write(content)

    def _write(self, content: bytes | memoryview) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]


class Child:
    def __init__(self, path: Path, ring: Ring, output: Output) -> None:
        self._path = path
        self._ring = ring
        self._output = output
        self._source: probe.Source | None = None

    def run(self, requests: io.BufferedReader) -> None:
        operations: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "inspect": self._inspect,
            "frames": lambda request: self._frames(request, requests),
            "tracks": self._tracks,
            "copy": self._copy,
            "samples": self._samples,
        }
        for line in requests:
            request = json.loads(line)
            if request["do"] == "free":
                continue  # a slot of a request that ended early
            allow_cpu(media_limits().decoder_cpu_seconds)
            try:
                operations[request["do"]](request)
                self._output.line({"end": True})
            except ReelError as error:
                self._output.line({"problem": encode(error.problem)})
            except MemoryError:
                self._output.line({"problem": encode(_too_demanding(self._path))})
            except FFmpegError as error:
                full = error.errno == errno.ENOMEM
                problem = _too_demanding(self._path) if full else _damaged(self._path, str(error.strerror))
                self._output.line({"problem": encode(problem)})

    def _read(self) -> probe.Source:
        if self._source is None:
            self._source = probe.read(self._path)
        return self._source

    def _inspect(self, request: Mapping[str, Any]) -> None:
        source = self._read()
        facts, columns = probe.to_wire(source)
        self._output.line({"source": facts})
        for column in columns:
            self._send(column.tobytes())
            self._output.line({"column": True})

    def _send(self, content: bytes) -> None:
        for start in range(0, len(content), PIECE):
            self._output.line({"piece": True}, memoryview(content)[start : start + PIECE])

    def _frames(self, request: Mapping[str, Any], requests: io.BufferedReader) -> None:
        source = self._read()
        free = list(range(SLOTS))
        crops = [(x, y, width, height) for x, y, width, height in request["crops"]]
        for picture in decode.read(self._path, source, request["first"], crops):
            while not free:
                line = requests.readline()
                if not line:
                    sys.exit(0)
                free.append(int(json.loads(line)["slot"]))
            slot = free.pop()
            np.copyto(self._ring.slot(slot)[: picture.nbytes].reshape(picture.shape), picture)
            self._output.line({"slot": slot})

    def _tracks(self, request: Mapping[str, Any]) -> None:
        self._output.line({"tracks": encode(sound.read(self._path))})

    def _copy(self, request: Mapping[str, Any]) -> None:
        facts, content = sound.copy(self._path, request["stream"], *_range(request))
        self._output.line({"first": facts.first, "rate": facts.rate})
        self._send(content)

    def _samples(self, request: Mapping[str, Any]) -> None:
        for samples in sound.samples(self._path, request["stream"], *_range(request)):
            self._output.line({"piece": True}, memoryview(samples.tobytes()))


def _range(request: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    return Fraction(request["start"]), Fraction(request["end"])


def _too_demanding(path: Path) -> Problem:
    return Problem(
        "media.too-demanding",
        "Video needs too much memory",
        f"Reading {path.name} took more than the {media_limits().decoder_memory_mib} MiB that are allowed.",
        "Scale it down first; the limit is REELBALLERS_MEDIA_DECODER_MEMORY_MIB.",
        422,
    )


def _damaged(path: Path, why: str) -> Problem:
    return Problem(
        "media.damaged",
        "Damaged video file",
        f"{path.name} cannot be read: {why}.",
        "Copy or upload it again, or convert it: ffmpeg -i INPUT -c:v libx264 -c:a aac OUTPUT.mp4",
        422,
    )


def main() -> None:
    descriptor, slot_bytes, memory, path = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    output = Output(os.dup(1))
    ring = Ring(descriptor, slot_bytes)
    set_level(None)
    confine(memory)
    output.line({"ready": True})
    Child(Path(path), ring, output).run(os.fdopen(0, "rb"))


if __name__ == "__main__":
    main()
