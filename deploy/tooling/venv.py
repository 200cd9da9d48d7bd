"""The virtual environment .venv: made once, filled from the locks, and left alone while nothing changed."""

import subprocess
import sys
import venv
from typing import Literal

from deploy.tooling import system, torch_wheel
from deploy.tooling.paths import LOCKS, ROOT, VENV, python
from deploy.tooling.pip import pip
from deploy.tooling.stamps import Stamps, file_sha256
from deploy.tooling.ui import say

Level = Literal["build", "test"]


def ensure(level: Level, torch_asked: str | None = None) -> None:
    """.venv holds the packages of the lock `level`, torch, and this project (editable).

    `torch_asked`: cpu, cuda, auto, or None: what was last asked for by name, else auto. Raises BuildError.
    """
    stamps = Stamps(VENV / "reelballers-stamps.json")
    if not _works():
        stamps = _create()
    _packages(level, stamps)
    _torch(torch_asked, stamps)
    _project(stamps)


def _works() -> bool:
    """Whether .venv is there and runs: an interrupted creation and an interpreter that was removed leave
    one that doesn't.
    """
    if not python().exists():
        return False
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return (
        subprocess.run([python(), "-c", check], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    )


def _create() -> Stamps:
    system.ensure_venv_module()
    say(f"Creating .venv (Python {sys.version_info[0]}.{sys.version_info[1]})")
    venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    return Stamps(VENV / "reelballers-stamps.json")


def _packages(level: Level, stamps: Stamps) -> None:
    pinned = file_sha256(LOCKS / "pip.txt")
    if stamps.get("pip") != pinned:
        pip(
            "Updating pip",
            "install",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
            LOCKS / "pip.txt",
            raw_progress=False,
        )
        stamps.set("pip", pinned)
    wanted = {name: file_sha256(LOCKS / f"{name}.txt") for name in ("build", "test")}
    if stamps.get(level) == wanted[level]:
        return
    say(f"Installing Python packages (deploy/locks/{level}.txt)")
    for name in wanted:
        stamps.drop(name)
    pip(
        "Installing Python packages",
        "install",
        "--no-deps",  # the locks are whole, but for torch and what asks for it (see torch_wheel)
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        LOCKS / f"{level}.txt",
    )
    stamps.set("build", wanted["build"])  # test.txt holds build.txt
    if level == "test":
        stamps.set("test", wanted["test"])


def _torch(asked: str | None, stamps: Stamps) -> None:
    explicit = asked if asked in ("cpu", "cuda") else stamps.get("torch asked") if asked is None else None
    flavour = torch_wheel.choose(explicit or "auto", torch_wheel.nvidia_driver())
    if stamps.get("torch") != f"{torch_wheel.VERSION} {flavour}":
        stamps.drop("torch")
        torch_wheel.install(flavour)
        stamps.set("torch", f"{torch_wheel.VERSION} {flavour}")
    if stamps.get("torch asked") != explicit:
        stamps.set("torch asked", explicit)


def _project(stamps: Stamps) -> None:
    """Editable, so that .venv/bin/reelballers is there; set-up anew only when pyproject.toml changes."""
    wanted = f"{ROOT} {file_sha256(ROOT / 'pyproject.toml')}"
    if stamps.get("project") != wanted:
        stamps.drop("project")
        pip(
            "Installing reelballers",
            "install",
            "--no-deps",
            "--no-build-isolation",
            "--editable",
            ".",
            cwd=ROOT,
        )
        stamps.set("project", wanted)
