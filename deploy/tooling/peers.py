"""Other people's upscalers for the browser, for comparison alone: they come from npm, pinned, into .cache,
and never with the project."""

import subprocess
import tarfile
import tempfile
from pathlib import Path

from deploy.tooling import dist, node
from deploy.tooling.paths import CACHE, ROOT, python
from deploy.tooling.stamps import file_sha256
from deploy.tooling.ui import BuildError, Unreachable, say

PEERS = {
    "anime4k-webgpu": (
        "anime4k-webgpu@1.0.0",
        "5502025ea5720c06fad0934fa3ed11ffb9150f92b9bd076f290fb2b3275144d2",
    ),
    "websr": (
        "@websr/websr@0.0.15",
        "306586dcaceae60a5fe6a399eedd1d0c6ac9d8a7139fb5cf167df3095a81b214",
    ),
}
"""Packages and their archives' sha256, by the folder that the page looks for them in."""


def quality(folder: Path, *, software: bool, json: bool) -> int:
    """Judges the peers beside our nets on the pictures of a folder, and prints a table or JSON. Raises
    BuildError."""
    if not folder.is_dir():
        raise BuildError(f"There is no folder {folder}.", "Name one with pictures.")
    asked = [str(python()), "-m", "e2e.peers.quality", str(folder.resolve())]
    asked += ["--peers", str(fetch(CACHE / "peers"))]
    asked += ["--software"] if software else []
    asked += ["--json"] if json else []
    return subprocess.run(asked, cwd=ROOT, check=False).returncode


def fetch(into: Path) -> Path:
    """The peers' packages, unpacked, each in the folder of its name. Raises BuildError."""
    for name, (package, sha256) in PEERS.items():
        if (into / name / "package.json").is_file():
            continue
        say(f"Fetching {package} from npm, for the comparison alone")
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into) as scratch:
            try:
                archive = node.pack(package, Path(scratch))
            except Unreachable as reason:
                raise BuildError(f"{package} cannot be had: {reason}", "Run without --peers.") from None
            if file_sha256(archive) != sha256:
                raise BuildError(f"{package} is not what was pinned.", "Run without --peers.")
            with tarfile.open(archive) as packed:
                packed.extractall(scratch, filter="data")
            dist.replace(into / name, lambda new: _move(Path(scratch) / "package", new), into)
    return into


def _move(old: Path, new: Path) -> None:
    for path in old.iterdir():
        path.rename(new / path.name)
