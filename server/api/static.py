"""The built page: files of `dist` with the right types, policies and caching."""

import gzip
from pathlib import Path, PurePath
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.api.security import page_policy

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".onnx": "application/octet-stream",
    ".py": "text/x-python; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".wgsl": "text/wgsl; charset=utf-8",
    ".whl": "application/zip",
    ".zip": "application/zip",
}
"""Set here, since the system's own table differs from machine to machine, and a browser runs no module or
wasm of another type."""

COMPRESSED = frozenset({".css", ".html", ".js", ".json", ".mjs", ".py", ".svg", ".wasm", ".wgsl"})
"""What gets smaller; the other types are compressed in themselves."""

LEAST_BYTES = 1024
"""A file below goes as it is: its headers weigh as much."""


class Page(StaticFiles):
    """Files below a directory; the root answers with index.html. Everything is revalidated by its ETag:
    a new build is seen at once, and an unchanged file costs one 304. Text and wasm go compressed by gzip to
    whoever takes that, and are kept so in memory. `bucket`: see page_policy."""

    def __init__(self, directory: Path, bucket: str = "") -> None:
        super().__init__(directory=directory, html=True)
        self._bucket = bucket
        self._packed: dict[str, tuple[str, bytes]] = {}
        """By path: the ETag of what was compressed, and that."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        hidden = any(part.startswith(".") and part != "." for part in PurePath(path).parts)
        if hidden or (scope["path"].endswith("/") and scope["path"] != "/"):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        headers = Headers(scope=scope)
        if not isinstance(response, FileResponse) or not _smaller(response):
            return response
        response.headers["Vary"] = "Accept-Encoding"
        if scope["method"] != "GET" or "range" in headers or not _takes_gzip(headers):
            return response
        body = await self._compressed(response)
        kept = {name: value for name, value in response.headers.items() if name != "accept-ranges"}
        weak = {"etag": f"W/{kept['etag']}", "content-encoding": "gzip", "content-length": str(len(body))}
        return Response(body, response.status_code, {**kept, **weak})

    async def _compressed(self, response: FileResponse) -> bytes:
        path, etag = str(response.path), response.headers["etag"]
        found = self._packed.get(path)
        if found is None or found[0] != etag:
            found = etag, await run_in_threadpool(_packed, path)
            self._packed[path] = found
        return found[1]

    def file_response(
        self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        kind = TYPES.get(PurePath(full_path).suffix.lower())
        if kind is not None and response.status_code != 304:
            response.headers["Content-Type"] = kind
        host = Headers(scope=scope).get("host", "")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = page_policy(
            host, scope["scheme"] == "https", self._bucket
        )
        return response


def _smaller(response: FileResponse) -> bool:
    length = int(response.headers.get("content-length", "0"))
    return PurePath(response.path).suffix.lower() in COMPRESSED and length >= LEAST_BYTES


def _takes_gzip(headers: Headers) -> bool:
    """Whether Accept-Encoding (RFC 9110, 12.5.3) names gzip, and not to refuse it."""
    for each in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _packed(path: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 6, mtime=0)
