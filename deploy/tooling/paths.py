"""Where things lie. Everything that is made goes to .venv, .cache, dist and the data folder; all are
git-ignored.
"""

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
