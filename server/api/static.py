"""The built page: files of `dist` with the right types, policies and caching."""

from pathlib import Path, PurePath
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
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


class Page(StaticFiles):
    """Files below a directory; the root answers with index.html. Everything is revalidated by its ETag:
    a new build is seen at once, and an unchanged file costs one 304. `bucket`: see page_policy."""

    def __init__(self, directory: Path, bucket: str = "") -> None:
        super().__init__(directory=directory, html=True)
        self._bucket = bucket

    async def get_response(self, path: str, scope: Scope) -> Response:
        hidden = any(part.startswith(".") and part != "." for part in PurePath(path).parts)
        if hidden or (scope["path"].endswith("/") and scope["path"] != "/"):
            raise HTTPException(404)
        return await super().get_response(path, scope)

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
