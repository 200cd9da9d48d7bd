"""`build.py test`: lint, types, then every test."""

import os
import subprocess
from collections.abc import Mapping

from deploy.tooling import browser
from deploy.tooling.paths import ROOT, python, script
from deploy.tooling.ui import BuildError, say


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get("CI", "").lower() not in ("", "0", "false")


def markers(full: bool, chromium: bool, adapter: bool, ci: bool) -> str:
    """The expression for pytest's -m. Without a browser or an adapter the tests that need it are left out
    on a person's machine; in CI they run and fail.
    """
    without = [] if full else ["full"]
    if not ci:
        without += [] if chromium else ["browser"]
        without += [] if adapter else ["gpu"]
    return " and ".join(f"not {name}" for name in without)


def test(full: bool, arguments: list[str]) -> int:
    """Lint and types first, and the tests only if those are clean. Returns the exit status of what failed,
    else 0.
    """
    chromium, adapter = browser.chromium(), browser.native_adapter()
    expression = markers(full, chromium is not None, adapter is not None, in_ci())
    if in_ci() and not (chromium and adapter):
        raise BuildError("In CI every test must run, and a browser or an adapter is missing (see above).")
    say(f"Chromium: {chromium or 'none, tests marked `browser` are left out'}")
    say(f"WebGPU adapter: {adapter or 'none, tests marked `gpu` are left out'}")
    for command in (
        [script("ruff"), "check"],
        [script("ruff"), "format", "--check"],
        [script("basedpyright")],
    ):
        say(f"{command[0].name} {' '.join(map(str, command[1:]))}".strip())
        if status := subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode:
            return status
    environ = {**os.environ, **({"REELBALLERS_CHROMIUM": str(chromium)} if chromium else {})}
    command = [python(), "-m", "pytest", *(["-m", expression] if expression else []), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL).returncode
