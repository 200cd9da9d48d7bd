"""Facts about this machine and the few Debian packages that are installed when we may (as root); otherwise
the exact line to type is named.
"""

import importlib.util
import os
import shutil
import subprocess
import sys

from deploy.tooling.ui import BuildError, say


def check_platform(platform: str = sys.platform) -> None:
    """Raises BuildError where ReelBallers does not run."""
    if platform.startswith(("win", "cygwin", "msys")):
        raise BuildError(
            "ReelBallers runs on Linux and macOS; this is Windows.",
            "Use WSL2: in PowerShell run `wsl --install`, open Ubuntu, and run the same command there.",
        )


def have_apt() -> bool:
    return shutil.which("apt-get") is not None


def is_root() -> bool:
    return os.geteuid() == 0


def apt_line(packages: list[str]) -> str:
    """What a person would type to get these Debian packages."""
    return f"sudo apt-get update && sudo apt-get install --no-install-recommends {' '.join(packages)}"


def apt_install(packages: list[str], why: str) -> bool:
    """Installs Debian packages as root. False, with a line that says so, where that is not possible or
    fails.
    """
    if not (have_apt() and is_root()):
        return False
    say(f"Installing {' '.join(packages)} with apt-get ({why})")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-q", *command], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            say(f"  apt-get {command[0]} failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
            if command[0] == "install":
                return False
    return True


def venv_missing() -> list[str]:
    """The modules that making a virtual environment takes and this Python lacks (Debian ships them apart)."""
    return [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]


def ensure_venv_module() -> None:
    """Makes `python -m venv` work, or raises BuildError with the line that does."""
    missing = venv_missing()
    if not missing:
        return
    package = "python3-venv"
    if apt_install([package], f"this Python lacks {' and '.join(missing)}"):
        importlib.invalidate_caches()
        if not venv_missing():
            return
        package = (
            f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"  # not the distribution's default Python
        )
        if apt_install([package], f"for {sys.executable}"):
            importlib.invalidate_caches()
            if not venv_missing():
                return
    raise BuildError(
        f"This Python ({sys.executable}) cannot make virtual environments: it lacks {' and '.join(missing)}.",
        f"Run: {apt_line([package])}"
        if have_apt()
        else "Install a complete Python 3.11 or newer (python.org, brew, pyenv) and use it to run build.py.",
    )
