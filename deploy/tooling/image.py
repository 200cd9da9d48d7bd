"""What the worker's image on RunPod is made from: requirements and Dockerfile, written by `build.py image`
from the manifest and the lock, and committed. `python -m deploy.tooling.image weights` fetches the weights,
in the image's own build.
"""

import sys
from pathlib import Path

from deploy.tooling import assets, locks, manifest
from deploy.tooling.manifest import Asset
from deploy.tooling.paths import ASSETS, LOCKS, MANIFEST, ROOT
from deploy.tooling.stamps import write_atomically
from deploy.tooling.ui import say

FOLDER = ROOT / "deploy" / "runpod"
BASE = f"python:{locks.WORKER_PYTHON}.12-slim-bookworm"
HOME = "/opt/reelballers"
CODE = ("pycore", "server", "deploy/__init__.py", "deploy/assets.toml", "deploy/tooling", "deploy/runpod")
"""What of the repository is copied into the image; tests and training are left out (see DOCKERIGNORE)."""
_WITH_TORCH = ("torch", "triton", "nvidia-", "cuda-", "sympy", "mpmath", "networkx", "jinja2", "markupsafe")
_HEADER = "# Written by `python3 build.py image` from {sources}: do not edit.\n"


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    lock = (LOCKS / "runpod.txt").read_text()
    torch, rest = _split(lock)
    header = _HEADER.format(sources="deploy/locks/runpod.txt")
    return {
        FOLDER / "requirements.txt": header + rest,
        FOLDER / "requirements-torch.txt": header + torch,
        FOLDER / "Dockerfile": dockerfile(weights(manifest.read(MANIFEST))),
        FOLDER / "Dockerfile.dockerignore": _dockerignore(),
    }


def write() -> None:
    for path, content in files().items():
        write_atomically(path, content)
        say(f"{path.relative_to(ROOT)}")


def weights(pinned: list[Asset]) -> list[Asset]:
    """The assets that are models' weights."""
    return [asset for asset in pinned if asset.to == "weights"]


def dockerfile(pinned: list[Asset]) -> str:
    sums = "".join(f"{digest}  {name}\\n" for asset in pinned for name, digest in sorted(asset.files.items()))
    copies = "".join(f"COPY --chown=root:root {each} {HOME}/{each}\n" for each in CODE)
    sources = "deploy/assets.toml and deploy/locks/runpod.txt"
    return f"""{_HEADER.format(sources=sources)}#
# docker build --platform linux/amd64 -f deploy/runpod/Dockerfile -t NAME .

FROM {BASE} AS weights
WORKDIR /build
COPY deploy/__init__.py deploy/assets.toml deploy/
COPY deploy/locks deploy/locks
COPY deploy/tooling deploy/tooling
RUN python -m venv .venv && python -m deploy.tooling.image weights

FROM {BASE}
ENV PYTHONUNBUFFERED=1 \\
    PYTHONDONTWRITEBYTECODE=1 \\
    NVIDIA_VISIBLE_DEVICES=all \\
    NVIDIA_DRIVER_CAPABILITIES=compute,video,utility \\
    REELBALLERS_DEVICE=cuda \\
    REELBALLERS_WEIGHTS={HOME}/weights
RUN useradd --system --uid 10001 --create-home worker
# From what changes least to what changes most, so that a new version is a small layer.
COPY deploy/runpod/requirements-torch.txt /tmp/
RUN pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r /tmp/requirements-torch.txt
COPY deploy/runpod/requirements.txt /tmp/
RUN pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r /tmp/requirements.txt
COPY --from=weights /build/.cache/assets/weights {HOME}/weights
RUN cd {HOME}/weights && printf '{sums}' | sha256sum --check --strict
{copies}WORKDIR {HOME}
USER 10001
CMD ["python", "-u", "deploy/runpod/handler.py"]
"""


def _dockerignore() -> str:
    """Everything stays out of the build but what is copied."""
    kept = "".join(f"!{each}\n" for each in (*CODE, "deploy/locks"))
    out = "".join(f"{each}\n" for each in ("**/tests", "**/__pycache__", "server/training", "server/api"))
    return _HEADER.format(sources="deploy/tooling/image.py") + "*\n" + kept + out


def _split(lock: str) -> tuple[str, str]:
    """The lock in two: torch with what makes it large, and the rest."""
    blocks: list[str] = []
    for line in lock.splitlines(keepends=True):
        if line.startswith(" ") and blocks:
            blocks[-1] += line
        else:
            blocks.append(line)
    torch = [each for each in blocks if each.startswith(_WITH_TORCH)]
    return "".join(torch), "".join(each for each in blocks if each not in torch)


def main(argv: list[str]) -> int:
    if argv != ["weights"]:
        print("usage: python -m deploy.tooling.image weights", file=sys.stderr)
        return 2
    assets.ensure(weights(manifest.read(MANIFEST)), ASSETS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
