"""The folder that Cloudflare serves: index.html at the root, everything else of dist/ below /v/HASH/, which
may be cached for ever, and the `_headers` that isolate the page."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from deploy.tooling.dist import replace
from deploy.tooling.paths import CACHE, DIST
from server.api.security import ISOLATION, page_policy
from server.api.static import TYPES

SITE = CACHE / "cloudflare" / "site"
MOST_BYTES = 25 * 1024 * 1024
"""What Cloudflare takes as one asset."""
_API = '<meta name="reelballers-api" content="/api/v1">'
_RELATIVE = re.compile(r'((?:src|href)=")\./')


class SiteError(Exception):
    """The page cannot be put together; the message says why and what to do."""


def build(api: str, bucket: str = "", dist: Path = DIST, site: Path = SITE) -> Path:
    """Makes the folder anew. `api`: the API's origin; `bucket`: the bucket's, if any. SiteError."""
    for option, origin in (("--api", api), ("--bucket", bucket)):
        parts = urlsplit(origin)
        if origin and (parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin):
            raise SiteError(f"{option}: {origin!r} is no origin; it is like https://api.reel.example.")
    try:
        built = json.loads((dist / "build.json").read_text())
    except FileNotFoundError:
        raise SiteError(f"{dist} has no built page: run `python3 build.py build` first.") from None
    large = [name for name in built["files"] if (dist / name).stat().st_size > MOST_BYTES]
    if large:
        raise SiteError(f"Cloudflare takes no file of more than 25 MiB: {', '.join(large)}.")
    version = hashlib.sha256(json.dumps(built["files"], sort_keys=True).encode()).hexdigest()[:16]

    def fill(folder: Path) -> None:
        shutil.copytree(dist, folder / "v" / version, ignore=shutil.ignore_patterns("index.html"))
        page = (dist / "index.html").read_text()
        if _API not in page:
            raise SiteError(f"index.html does not say where its API is: it should have {_API}")
        page = page.replace(_API, f'<meta name="reelballers-api" content="{api}/api/v1">')
        (folder / "index.html").write_text(_RELATIVE.sub(rf"\1./v/{version}/", page))
        (folder / "_headers").write_text(headers(api, bucket))

    replace(site, fill, CACHE)
    return site


def headers(api: str, bucket: str) -> str:
    """Cloudflare's `_headers`: the same policies that our own server sends."""
    policy = page_policy(api=api, bucket=bucket)
    every = {**ISOLATION, "Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    lines = ["/*", *(f"  {name}: {value}" for name, value in every.items())]
    lines += ["", "/v/*", "  ! Cache-Control", "  Cache-Control: public, max-age=31536000, immutable"]
    for suffix in (".mjs", ".py", ".wasm", ".wgsl", ".whl", ".onnx", ".zip"):
        lines += ["", f"/v/*{suffix}", "  ! Content-Type", f"  Content-Type: {TYPES[suffix]}"]
    return "\n".join(lines) + "\n"
