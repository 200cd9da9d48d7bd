"""One process that reads a file (see `child`), from outside; not trusted."""

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
from pathlib import Path
from typing import Any

from pycore.protocol import Problem, ReelError, decode
from server.config.media import MediaLimits, media_limits
from server.video.sandbox import ring

_log = logging.getLogger(__name__)

_LONGEST_LINE = 16 * 1024 * 1024
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ", "LANG")


class DecoderDied(ReelError):
    """The process ended or said nothing any more: 503, so that whoever can tries again."""


class Process:
    """See `child`. It is ready once it is made."""

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
                raise self.broken("it sent nonsense")
            self._more()
        answer = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        length = int(answer.get("bytes", 0))
        if length > _LONGEST_LINE:
            raise self.broken("it sent nonsense")
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
            raise self.broken(f"it said nothing for {self._wait:.0f} s")
        self._waited += time.monotonic() - began
        if self._waited > self._most:
            raise self.broken(f"it was waited for longer than {self._most:.0f} s")
        more = os.read(self._process.stdout.fileno(), 1024 * 1024)
        if not more:
            raise self.broken(_why(self._process.wait()))
        self._buffer += more

    def broken(self, why: str) -> ReelError:
        """Ends it; the error says why."""
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
