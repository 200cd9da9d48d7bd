"""dist/: everything that the server hands to a browser. Made in a scratch folder and put in place whole.

web/* is copied as it is; then come Pyodide and the other shipped assets of the manifest, pycore compiled
for it with the list of packages that the page boots from (pyodide/pyodide-lock.json), the page's types
(protocol.d.ts) and build.json.
"""

import gzip
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from deploy.tooling import node, wheel
from deploy.tooling.manifest import Asset
from deploy.tooling.paths import ASSETS, CACHE, DIST, ROOT, python
from deploy.tooling.stamps import digest, file_sha256, write_atomically
from deploy.tooling.ui import BuildError, say

PYODIDE = Path(__file__).parent / "pyodide"
SERVICE_WORKER = "sw.js"
NO_FILES = "const FILES = {};"


def ensure(assets: list[Asset]) -> None:
    """dist/ is up to date with its sources; nothing is done where it already is. Raises BuildError."""
    stamp = {"version": version(), "commit": commit(ROOT), "inputs": inputs(assets)}
    if built(DIST) == stamp:
        return
    say("Building dist/")
    replace(DIST, lambda folder: assemble(folder, assets, stamp), CACHE)


def version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def commit(root: Path) -> str | None:
    """The commit that is checked out, with "+" when files differ from it; None without git or outside a
    repository.
    """
    try:
        head = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],
            cwd=root,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return None
    return head.stdout.strip() or None if head.returncode == 0 else None


def web_files(root: Path) -> list[Path]:
    """What of web/ is served, sorted."""
    return sorted(
        path for path in (root / "web").rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def inputs(assets: list[Asset]) -> str:
    """A hash of everything that dist/ is made from."""
    parts: list[str | Path] = []
    for path in (*web_files(ROOT), *wheel.sources(ROOT), *sorted(Path(__file__).parent.rglob("*.[pm]*"))):
        if path.suffix != ".pyc":
            parts += [str(path.relative_to(ROOT)), path]
    for asset in assets:
        parts.append(f"{asset.dist} {asset.gzip} {sorted(asset.files.items())}")
    return digest(parts)


def built(folder: Path) -> dict[str, str | None] | None:
    """What the folder was built from; None where there is no complete build."""
    try:
        found = json.loads((folder / "build.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return {key: found.get(key) for key in ("version", "commit", "inputs")}


def assemble(folder: Path, assets: list[Asset], stamp: dict[str, str | None]) -> None:
    """Puts everything into `folder`, build.json last."""
    for path in web_files(ROOT):
        _copy(path, folder / path.relative_to(ROOT / "web"))
    for asset in assets:
        for name in asset.files if asset.dist is not None else ():
            source, target = ASSETS / asset.to / name, folder / str(asset.dist) / name
            if asset.gzip:
                source, target = packed(source, asset.files[name]), target.with_name(f"{name}.gz")
            _copy(source, target)
    for path in browser_packages(assets, str(stamp["version"])):
        _copy(path, folder / "pyodide" / path.name)
    (folder / "protocol.d.ts").write_text(page_types())
    files = {
        str(path.relative_to(folder)): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if SERVICE_WORKER in files:
        del files[SERVICE_WORKER]  # nothing keeps it but the browser itself
        name_files(folder / SERVICE_WORKER, files)
        files[SERVICE_WORKER] = file_sha256(folder / SERVICE_WORKER)
    (folder / "build.json").write_text(json.dumps({**stamp, "files": files}, indent=1))


def name_files(service_worker: Path, files: dict[str, str]) -> None:
    """Tells the service worker which files there are, so that it changes whenever one of them does."""
    text = service_worker.read_text()
    if NO_FILES not in text:
        raise BuildError(f"{service_worker.name} has no place for the list of files.", f"It is {NO_FILES!r}.")
    service_worker.write_text(text.replace(NO_FILES, f"const FILES = {json.dumps(files)};"))


def packed(source: Path, sha256: str) -> Path:
    """The file compressed by gzip, the same bytes every time; kept in .cache, because it takes seconds."""
    target = CACHE / "packed" / f"{sha256[:16]}.gz"
    if not target.is_file():
        write_atomically(target, gzip.compress(source.read_bytes(), 9, mtime=0))
    return target


def browser_packages(assets: list[Asset], version: str) -> list[Path]:
    """pycore's compiled wheel and the list of packages. Kept in .cache for as long as their sources stay
    the same, because Pyodide takes seconds to start.
    """
    pinned = [str(sorted(asset.files.items())) for asset in assets if asset.to.startswith("pyodide")]
    key = digest(
        [
            version,
            *pinned,
            *wheel.sources(ROOT),
            *(str(p.relative_to(ROOT)) for p in wheel.sources(ROOT)),
            *_scripts(),
        ]
    )
    done = CACHE / "pycore" / key[:16]
    if not done.is_dir():
        say("  compiling pycore with Pyodide")
        replace(done, lambda folder: _resolve(folder, version), CACHE)
        for other in done.parent.iterdir():
            if other != done:
                shutil.rmtree(other)
    return [*(done / "wheels").glob("*.whl"), done / "pyodide-lock.json"]


def _scripts() -> list[Path]:
    return [PYODIDE / "lock.mjs", PYODIDE / "resolve.py", Path(wheel.__file__)]


def _resolve(folder: Path, version: str) -> None:
    (folder / "sources").mkdir()
    wheel.write(ROOT, version, folder / "sources")
    node.node(
        PYODIDE / "lock.mjs", ASSETS / "pyodide", ASSETS / "pyodide-packages", folder, PYODIDE / "resolve.py"
    )


def page_types() -> str:
    """The .d.ts of the page, see jsdoc.py."""
    command = [str(python()), "-m", "deploy.tooling.jsdoc"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise BuildError(
            f"The page's types could not be generated from pycore/protocol:\n{done.stderr.strip()}"
        )
    return done.stdout


def replace(target: Path, fill: Callable[[Path], None], scratch: Path) -> None:
    """`target` becomes what `fill(folder)` puts into a new folder, all at once; if `fill` raises, `target`
    stays as it was.

    `scratch` must be on the target's file system.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=scratch) as folder:
        new, old = Path(folder) / "new", Path(folder) / "old"
        new.mkdir()
        fill(new)
        if target.exists():
            os.rename(target, old)
        os.rename(new, target)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise BuildError(
            f"Two things want to be {target.name} in dist/: one is {source}.", "Rename one of them."
        )
    shutil.copyfile(source, target)
