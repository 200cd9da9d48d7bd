"""The hashed locks of the Python packages, and `build.py lock`, which a developer runs after editing
pyproject.toml.

pip.txt: pip itself; runtime.txt: what the server imports; build.txt: runtime plus what makes dist/;
test.txt: everything. Each is universal (markers tell the platforms apart), hashed, names no index, and
agrees with test.txt on every version. runpod.txt is for one place alone, the worker's image, and so holds
torch's CUDA build too.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.tooling import torch_wheel
from deploy.tooling.paths import LOCKS, ROOT
from deploy.tooling.ui import BuildError, say

GROUPS = {
    "test": ("torch", "models", "speed", "build", "runpod", "test"),
    "build": ("torch", "models", "speed", "build"),
    "runtime": ("torch", "models", "speed"),
}
OPTIONS = ("--generate-hashes", "--no-header", "--no-annotate", "--quiet")
ANYWHERE = ("--universal", "--python-version", "3.11")
WORKER_PYTHON = "3.12"
IN_THE_IMAGE = ("--python-platform", "x86_64-manylinux_2_28", "--python-version", WORKER_PYTHON)


def constraints(lock: str) -> str:
    """A lock's versions without its hashes: what may stand beside a package that has no hash."""
    lines = (line.split(" --hash=")[0].rstrip(" \\") for line in lock.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith(("#", " ")))


def write_locks(upgrade: bool) -> None:
    """Resolves pyproject.toml anew with `uv` (a developer's tool, nobody else needs it). Locked versions
    are kept unless `upgrade`.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise BuildError("`build.py lock` needs uv, and it is not on the PATH.", "Run: pip install uv")
    extra = ["--upgrade"] if upgrade else []
    for name, groups in GROUPS.items():
        wanted = [part for group in groups for part in ("--group", group)]
        agree = [] if name == "test" else ["--constraint", str(LOCKS / "test.txt")]
        outside = ["--override", "deploy/locks/outside.in"]
        _compile(uv, ["pyproject.toml", *wanted, *agree, *outside, *ANYWHERE, *extra], LOCKS / f"{name}.txt")
    _compile(uv, ["deploy/locks/pip.in", *ANYWHERE, *extra], LOCKS / "pip.txt")
    with tempfile.NamedTemporaryFile("w", suffix=".in") as torch:
        torch.write(f"torch=={torch_wheel.VERSION}\n")
        torch.flush()
        wanted = ["--group", "runpod", torch.name, "--constraint", str(LOCKS / "test.txt")]
        _compile(uv, [*wanted, *IN_THE_IMAGE, *extra], LOCKS / "runpod.txt")


def _compile(uv: str, args: list[str], out: Path) -> None:
    command = [uv, "pip", "compile", *args, *OPTIONS, "--output-file", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"uv could not resolve {out.name}:\n{done.stderr.strip()}")
    say(f"{out.relative_to(ROOT)}: {out.read_text().count('==')} packages")
