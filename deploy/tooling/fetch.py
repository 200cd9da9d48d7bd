"""Fetches assets by name: `python -m deploy.tooling.fetch NAME...`. The server does it for what the manifest
calls on_demand, when it is first needed."""

import fcntl
import sys

from deploy.tooling import assets, manifest
from deploy.tooling.paths import ASSETS, CACHE, MANIFEST
from deploy.tooling.ui import BuildError


def main(names: list[str]) -> int:
    """0, or 1 after saying on standard error what is wrong."""
    try:
        pinned = {each.name: each for each in manifest.read(MANIFEST)}
        if unknown := [name for name in names if name not in pinned]:
            raise BuildError(f"The manifest names no {', '.join(unknown)}.")
        CACHE.mkdir(exist_ok=True)
        with (CACHE / "fetch.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two processes at once would trip over each other's files
            assets.ensure([pinned[name] for name in names], ASSETS)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
