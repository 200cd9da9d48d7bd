"""torch stands outside the hashed locks: its CPU and CUDA builds share one version number, so no hash fits
both.

What it imports is locked (pyproject's group `torch`), and its own version is pinned here.
"""

import platform
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Literal

from deploy.tooling import locks
from deploy.tooling.paths import LOCKS
from deploy.tooling.pip import PipError, pip
from deploy.tooling.ui import BuildError, say

VERSION = "2.13.0"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
Flavour = Literal["cpu", "cuda"]


def nvidia_driver(root: Path = Path("/")) -> bool:
    """Whether an NVIDIA driver serves this system (the second place is WSL2's)."""
    return any((root / place).exists() for place in ("dev/nvidiactl", "usr/lib/wsl/lib/libcuda.so.1"))


def choose(asked: str, driver: bool, system: str = sys.platform) -> Flavour:
    """`asked` is cpu, cuda or auto. On macOS the one build that exists counts as cpu (it has MPS)."""
    if asked == "cuda" and system == "darwin":
        raise BuildError(
            "There is no CUDA build of torch for macOS.",
            "Leave out --torch cuda: the plain build uses Apple's GPU.",
        )
    if asked == "auto":
        return "cuda" if driver and system != "darwin" else "cpu"
    return "cuda" if asked == "cuda" else "cpu"


def install(flavour: Flavour) -> None:
    """Installs torch into the virtual environment. Raises PipError."""
    say(f"Installing torch {VERSION} ({flavour})" + (", several GB" if flavour == "cuda" else ""))
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "constraints.txt"
        pins.write_text(locks.constraints((LOCKS / "build.txt").read_text()))
        base = ("install", "--only-binary", ":all:", "--constraint", pins)
        if flavour == "cuda":
            pip("Installing torch", *base, f"torch==={VERSION}")  # === takes no "+cpu" build for it
        elif platform.system() == "Linux":
            _install_cpu_on_linux(base)
        else:
            pip("Installing torch", *base, f"torch=={VERSION}")


def _install_cpu_on_linux(base: tuple[str | Path, ...]) -> None:
    extra = ("--extra-index-url", CPU_WHEELS) if _reachable(CPU_WHEELS + "/torch/") else ()
    try:
        pip("Installing torch", *base, *extra, f"torch=={VERSION}+cpu")
    except PipError as error:
        if "No matching distribution" not in error.output:
            raise
        say("  no CPU-only build within reach: taking the standard one, several GB")
        pip("Installing torch", *base, f"torch=={VERSION}")


def _reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        say(f"  passing over {url}: {getattr(error, 'reason', error)}")
        return False
