"""A client for an ASGI application in this process, from synchronous tests."""

from types import TracebackType
from typing import Any

import anyio.from_thread
import httpx
from starlette.applications import Starlette


class SyncClient:
    """Requests run on an event loop in a thread of their own. Unexpected errors come as the 500 that others
    would see."""

    def __init__(self, app: Starlette, base_url: str = "http://127.0.0.1:8000") -> None:
        self._app = app
        self._base_url = base_url
        self._portals = anyio.from_thread.start_blocking_portal()

    def __enter__(self) -> "SyncClient":
        self._portal = self._portals.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._portals.__exit__(kind, error, traceback)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        if hasattr(options.get("content"), "__next__"):
            options["content"] = _streamed(list(options["content"]))
        return self._portal.call(self._request, method, url, options)

    async def _request(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self._base_url) as client:
            return await client.request(method, url, **options)

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def put(self, url: str, **options: Any) -> httpx.Response:
        return self.request("PUT", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def delete(self, url: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", url, **options)


async def _streamed(chunks: list[bytes]) -> Any:
    for chunk in chunks:
        yield chunk
