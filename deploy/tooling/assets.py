"""Fetches what deploy/assets.toml pins into .cache/assets, each file under its final name only once its
sha256 was right.

The server finds weights in the folder that REELBALLERS_WEIGHTS names, by default
<repository>/.cache/assets/weights.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.tooling import sources
from deploy.tooling.manifest import Asset, Source
from deploy.tooling.stamps import file_sha256
from deploy.tooling.ui import BuildError, Unreachable, say

Fetch = Callable[[Source, list[str], Path], None]


def ensure(assets: list[Asset], folder: Path, fetch: Fetch | None = None) -> None:
    """Every file of `assets` lies under `folder` with the right content. Raises BuildError.

    `fetch(source, names, into)` puts the named files into a folder or raises Unreachable.
    """
    missing = [asset for asset in assets if _missing(asset, folder)]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(".fetch-*"):
        shutil.rmtree(stale)  # left by a fetch that was killed
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        fetch = fetch or sources.Fetcher(Path(scratch) / "packages").fetch
        for asset in missing:
            say(f"Fetching {asset.name} {asset.version} ({asset.licence})")
            _fetch(asset, folder, Path(tempfile.mkdtemp(dir=scratch)), fetch)


def _missing(asset: Asset, folder: Path) -> list[str]:
    return [
        name
        for name, sha256 in asset.files.items()
        if not (path := folder / asset.to / name).is_file() or file_sha256(path) != sha256
    ]


def _fetch(asset: Asset, folder: Path, scratch: Path, fetch: Fetch) -> None:
    names = _missing(asset, folder)
    reasons: list[str] = []
    for source in asset.sources:
        try:
            fetch(source, names, scratch)
        except Unreachable as reason:
            say(f"  passing over {source}: {reason}")
            reasons.append(f"{source}: {reason}")
            continue
        for name in names:
            _check(asset, name, scratch / name, source)
        for name in names:
            final = folder / asset.to / name
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(scratch / name, final)
        return
    tried = "".join(f"\n  - {reason}" for reason in reasons)
    raise BuildError(
        f"{asset.name} {asset.version} could not be fetched; tried:{tried}",
        f"Check the network connection, or put {', '.join(names)} into {folder / asset.to} by hand.",
    )


def _check(asset: Asset, name: str, path: Path, source: Source) -> None:
    found = file_sha256(path)
    if found != asset.files[name]:
        raise BuildError(
            f"{name} of {asset.name} {asset.version} from {source} is not the file that was pinned:\n"
            f"  expected sha256 {asset.files[name]}\n"
            f"  received sha256 {found}",
            "Nothing of it was kept. If this repeats, the source was changed or tampered with: report it.",
        )
