"""Where things lie. Everything that is made goes to .venv, .cache, dist and the data folder; all are git-ignored."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
ASSETS = CACHE / "assets"
DIST = ROOT / "dist"
LOCKS = ROOT / "deploy" / "locks"
MANIFEST = ROOT / "deploy" / "assets.toml"


def python() -> Path:
    return VENV / "bin" / "python"


def script(name: str) -> Path:
    """A console script of the virtual environment."""
    return VENV / "bin" / name


def default_data() -> Path:
    """The folder for projects, media and jobs when no `--data` is given: the platform's place for a user's data."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "reelballers"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "reelballers"
