"""The folder that Cloudflare serves: index.html and the service worker at the root, everything else of dist/
below /v/HASH/, which may be cached for ever, and the `_headers` that isolate the page."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from pycore.protocol import ReelError
from server.api.security import ISOLATION, page_policy
from server.api.static import TYPES

_ROOT = Path(__file__).parents[1]
DIST = _ROOT / "dist"
SITE = _ROOT / ".cache" / "cloudflare" / "site"
MOST_BYTES = 25 * 1024 * 1024
"""What Cloudflare takes as one asset."""
_API = '<meta name="reelballers-api" content="/api/v1">'
_RELATIVE = re.compile(r'((?:src|href)=")\./')


def build(api: str, bucket: str = "", dist: Path = DIST, site: Path = SITE) -> Path:
    """Makes the folder anew. `api`: the API's origin; `bucket`: the bucket's, if any. ReelError."""
    for option, origin in (("--api", api), ("--bucket", bucket)):
        parts = urlsplit(origin)
        if origin and (parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin):
            raise _wrong(f"{option}: {origin!r} is no origin.", "It is like https://api.reel.example.")
    try:
        built = json.loads((dist / "build.json").read_text())
    except FileNotFoundError:
        raise _wrong(f"{dist} has no built page.", "Run `python3 build.py build` first.") from None
    large = [name for name in built["files"] if (dist / name).stat().st_size > MOST_BYTES]
    if large:
        raise _wrong(
            f"Cloudflare takes no file of more than 25 MiB: {', '.join(large)}.", "Ship it compressed."
        )
    version = hashlib.sha256(json.dumps(built["files"], sort_keys=True).encode()).hexdigest()[:16]

    page = (dist / "index.html").read_text()
    if _API not in page:
        raise _wrong("index.html does not say where its API is.", f"It should have {_API}")
    page = page.replace(_API, f'<meta name="reelballers-api" content="{api}/api/v1">')
    site.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="making-", dir=site.parent) as name:
        folder = Path(name) / "new"
        shutil.copytree(dist, folder / "v" / version, ignore=shutil.ignore_patterns("index.html", "sw.js"))
        page = _RELATIVE.sub(rf"\1./v/{version}/", page)
        (folder / "index.html").write_text(page)
        (folder / "sw.js").write_text(service_worker(dist, built["files"], version, page))
        (folder / "_headers").write_text(headers(api, bucket))
        if site.exists():
            site.rename(Path(name) / "old")
        folder.rename(site)
    return site


def service_worker(dist: Path, files: dict[str, str], version: str, page: str) -> str:
    """dist's sw.js for files below /v/: it must lie beside the page, which it serves too. ReelError."""
    text = (dist / "sw.js").read_text()
    served = hashlib.sha256(page.encode()).hexdigest()
    here = {
        'const BASE = "";': f'const BASE = "v/{version}/";',
        f'"index.html": "{files["index.html"]}"': f'"index.html": "{served}"',
    }
    for old, new in here.items():
        if old not in text:
            raise _wrong("sw.js is none that the build made.", f"It should have {old}")
        text = text.replace(old, new)
    return text


def headers(api: str, bucket: str) -> str:
    """Cloudflare's `_headers`: the same policies that our own server sends."""
    policy = page_policy(api=api, bucket=bucket)
    every = {**ISOLATION, "Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    lines = ["/*", *(f"  {name}: {value}" for name, value in every.items())]
    lines += ["", "/v/*", "  ! Cache-Control", "  Cache-Control: public, max-age=31536000, immutable"]
    for suffix in (".mjs", ".py", ".wasm", ".wgsl", ".whl", ".onnx", ".zip"):
        lines += ["", f"/v/*{suffix}", "  ! Content-Type", f"  Content-Type: {TYPES[suffix]}"]
    return "\n".join(lines) + "\n"


def _wrong(detail: str, hint: str) -> ReelError:
    return ReelError.of("site.build", "The page cannot be put together", detail, hint)
