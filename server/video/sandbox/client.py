"""Speaks to the process that reads a file from elsewhere (see `child`), and does not trust it.

A process serves one file, one request at a time; it is kept for the next request about the same file for a
while."""

import atexit
import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from pycore.protocol import Problem, ReelError, decode
from server.config.media import MediaLimits, media_limits
from server.video import probe
from server.video.container import stamp
from server.video.rgb import Crop
from server.video.sandbox import ring
from server.video.sound import RATE, Track

_log = logging.getLogger(__name__)

KEPT = max(4, min(os.cpu_count() or 1, 12))
KEPT_SECONDS = 20.0
"""Idle processes, and for how long. As many segments of one file may be decoded at once."""
_LONGEST_LINE = 16 * 1024 * 1024
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ", "LANG")


class DecoderDied(ReelError):
    """The process ended or said nothing any more: 503, so that whoever can tries again."""


class _Process:
    def __init__(self, path: Path) -> None:
        limits = media_limits()
        self.path = path
        slot = limits.max_pixels * 3
        descriptor = ring.create(slot)
        try:
            self.ring = ring.Ring(descriptor, slot)
            memory = limits.decoder_memory_mib * 1024 * 1024 + ring.SLOTS * slot
            call = [sys.executable, "-m", "server.video.sandbox.child"]
            environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            environ |= {
                name: text for name, text in os.environ.items() if name.startswith("REELBALLERS_MEDIA_")
            }
            self._process = subprocess.Popen(
                [*call, str(descriptor), str(slot), str(memory), str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(descriptor,),
                env=environ,
                bufsize=0,
            )
        finally:
            os.close(descriptor)
        self._start_waiting(limits)
        self._buffer = bytearray()
        self._writing = threading.Lock()
        self.idle_since = 0.0
        self.line()  # ready

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def begin(self, **request: Any) -> None:
        """Asks for something new."""
        self._start_waiting(media_limits())
        self.ask(**request)

    def _start_waiting(self, limits: MediaLimits) -> None:
        self._wait, self._most = float(limits.decoder_wait_seconds), float(limits.decoder_wall_seconds)
        self._waited = 0.0

    def ask(self, **request: Any) -> None:
        assert self._process.stdin is not None
        content = json.dumps(request).encode() + b"\n"
        with self._writing, contextlib.suppress(BrokenPipeError):  # what it died of is told when reading
            self._process.stdin.write(content)

    def line(self) -> dict[str, Any]:
        """Its next line; with the bytes that follow under "content". Raises what it reports."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _LONGEST_LINE:
                raise self._broken("it sent nonsense")
            self._more()
        answer = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        length = int(answer.get("bytes", 0))
        if length > _LONGEST_LINE:
            raise self._broken("it sent nonsense")
        while len(self._buffer) < length:
            self._more()
        answer["content"] = bytes(self._buffer[:length])
        del self._buffer[:length]
        if "problem" in answer:
            raise ReelError(decode(Problem, answer["problem"]))
        return answer

    def _more(self) -> None:
        assert self._process.stdout is not None
        began = time.monotonic()
        ready, _, _ = select.select([self._process.stdout], [], [], self._wait)
        if not ready:
            raise self._broken(f"it said nothing for {self._wait:.0f} s")
        self._waited += time.monotonic() - began
        if self._waited > self._most:
            raise self._broken(f"it was waited for longer than {self._most:.0f} s")
        more = os.read(self._process.stdout.fileno(), 1024 * 1024)
        if not more:
            raise self._broken(_why(self._process.wait()))
        self._buffer += more

    def _broken(self, why: str) -> ReelError:
        self.end()
        _log.warning("the decoder of %s was lost: %s", self.path, why)
        return DecoderDied.of(
            "media.decoder-lost",
            "The video could not be read to its end",
            f"The process that reads {self.path.name} was lost: {why}.",
            "Try again. If it happens again, the file is damaged or asks too much: convert it with "
            "ffmpeg -i INPUT -c:v libx264 -c:a aac OUTPUT.mp4",
            503,
        )

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _why(code: int) -> str:
    if code == -signal.SIGXCPU:
        return f"it computed for more than {media_limits().decoder_cpu_seconds} s"
    return (
        f"it was ended by signal {signal.Signals(-code).name}" if code < 0 else f"it ended with code {code}"
    )


_Key = tuple[Path, tuple[int, int]]
_idle: list[tuple[_Key, _Process]] = []
"""By age, the oldest first; a file may have several."""
_lock = threading.Lock()


@contextlib.contextmanager
def _serving(path: Path) -> Iterator[_Process]:
    """A process for this file, alone; kept afterwards where it answered in good order."""
    key = (path, stamp(path))
    process = _kept(key) or _Process(path)
    in_order = False
    try:
        yield process
        in_order = True
    except DecoderDied:
        raise
    except ReelError:
        in_order = True  # a refusal
        raise
    finally:
        if in_order:
            _keep(key, process)
        else:
            process.end()


def _kept(key: _Key) -> _Process | None:
    """One that waits for work on this file, the youngest, out of the list."""
    while True:
        with _lock:
            place = next((n for n in reversed(range(len(_idle))) if _idle[n][0] == key), None)
            if place is None:
                return None
            _, process = _idle.pop(place)
        if process.alive():
            return process
        process.end()


def _keep(key: _Key, process: _Process) -> None:
    now = process.idle_since = time.monotonic()
    with _lock:
        _idle.append((key, process))
        many = max(len(_idle) - KEPT, 0)
        ended = [n for n, (_, each) in enumerate(_idle) if n < many or now - each.idle_since > KEPT_SECONDS]
        ending = [_idle.pop(n)[1] for n in reversed(ended)]
    for each in ending:
        each.end()


def end_idle() -> None:
    """Ends the processes that wait for work."""
    with _lock:
        waiting = [process for _, process in _idle]
        _idle.clear()
    for process in waiting:
        process.end()


atexit.register(end_idle)


def inspect(path: Path) -> probe.Source:
    """What the file is. ReelError `media.*` for what is no usable video."""
    try:
        return _inspect(path)
    except DecoderDied:
        return _inspect(path)  # once more: it may have been the machine's fault


def _inspect(path: Path) -> probe.Source:
    with _serving(path) as process:
        process.begin(do="inspect")
        facts: Any = None
        columns: list[np.ndarray] = []
        gathered = bytearray()
        most = media_limits().max_frames * 8
        while "end" not in (answer := process.line()):
            facts = answer.get("source", facts)
            gathered += answer["content"]
            if len(gathered) > most:
                raise process._broken("it sent nonsense")
            if "column" in answer:
                columns.append(np.frombuffer(bytes(gathered), np.int64))
                gathered.clear()
        return probe.from_wire(facts, columns)


def frames(
    path: Path, source: probe.Source, first: int, count: int, crop: Crop | list[Crop]
) -> Generator[np.ndarray, None, None]:
    """See server.video.decode.frames."""
    crops = crop if isinstance(crop, list) else [crop] * count
    with _serving(path) as process:
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
            raise process._broken("it sent too few frames")


def tracks(path: Path) -> tuple[Track, ...]:
    """See server.video.sound.read."""
    with _serving(path) as process:
        process.begin(do="tracks")
        found: tuple[Track, ...] = ()
        while "end" not in (answer := process.line()):
            found = tuple(decode(list[Track], answer["tracks"]))
        if not found:
            raise process._broken("it sent nonsense")
        return found


def copied_sound(
    path: Path, stream: int, start: Fraction, end: Fraction, target: Path
) -> tuple[int, int] | None:
    """Writes the packets of a range as an MP4 at `target` (see server.video.sound.copy): (first, rate); None
    where there are none."""
    with _serving(path) as process, target.open("wb") as file:
        process.begin(do="copy", stream=stream, start=str(start), end=str(end))
        facts: tuple[int, int] = (0, RATE)
        most = media_limits().max_sound_mib * 1024 * 1024
        while "end" not in (answer := process.line()):
            if "rate" in answer:
                facts = (int(answer["first"]), int(answer["rate"]))
            file.write(answer["content"])
            if file.tell() > most:
                raise process._broken("it sent too much")
        return facts if file.tell() else None


def samples(path: Path, stream: int, start: Fraction, end: Fraction) -> Iterator[np.ndarray]:
    """See server.video.sound.samples."""
    left = round((end - start) * RATE)
    with _serving(path) as process:
        process.begin(do="samples", stream=stream, start=str(start), end=str(end))
        try:
            while "end" not in (answer := process.line()):
                made = np.frombuffer(answer["content"], np.float32).reshape(-1, 2)[:left]
                left -= len(made)
                yield made
        except GeneratorExit:
            process.end()
            raise
