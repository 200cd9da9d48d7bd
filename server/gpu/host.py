"""What this machine's processor is, and how much of it is to be used."""

import contextlib
import functools
import os
import platform
import subprocess
from pathlib import Path

from pycore.protocol import ReelError


def threads() -> int:
    """$REELBALLERS_THREADS, else all cores but one, which stays free for the API and the encoder."""
    configured = os.environ.get("REELBALLERS_THREADS", "")
    if configured:
        if not configured.isdecimal() or int(configured) < 1:
            raise ReelError.of(
                "config.threads",
                "Bad setting",
                f"REELBALLERS_THREADS is {configured!r}.",
                "Set it to a number of threads, 1 or more, or leave it unset.",
                500,
            )
        return int(configured)
    return max(cores() - 1, 1)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def cpu_name() -> str:
    """The processor's name as its maker writes it."""
    if platform.system() == "Darwin":
        call = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return " ".join(value.replace("(R)", "").replace("(TM)", "").split())
    return platform.processor() or f"{platform.machine()} CPU"
