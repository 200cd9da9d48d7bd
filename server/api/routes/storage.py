"""storage: what presigned URLs of the local storage lead to. Other storages serve theirs themselves."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from urllib.parse import quote

from anyio import from_thread, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from server.api.operations import Operation, check_length
from server.api.problems import http_problem, problem_response
from server.api.ranges import Unsatisfiable, parse_range
from server.api.services import Services
from server.storage.base import not_found
from server.storage.local import CHUNK, LocalStorage


async def put_part(services: Services, request: Request) -> Response:
    """Stores one part; the URL says which, and how long it must be."""
    storage = _local(services)
    key = request.path_params["key"]
    signed = storage.signer.check("PUT", key, request.query_params)
    length = int(signed["bytes"])
    check_length(request, length)
    chunks = _pulled(_batched(request))
    put = partial(storage.put_part, key, signed["upload"], int(signed["part"]), chunks, length)
    try:
        await to_thread.run_sync(put)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is left to read it
    return Response(status_code=204)


async def get_object(services: Services, request: Request) -> Response:
    """The object as a download, or a range of it."""
    storage = _local(services)
    key = request.path_params["key"]
    signed = storage.signer.check("GET", key, request.query_params)
    found = await to_thread.run_sync(storage.stat, key)
    if found is None:
        raise not_found(key)
    etag = f'"{found.etag}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": _disposition(signed["filename"]),
        "ETag": etag,
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range") if request.headers.get("if-range", etag) == etag else None
    try:
        span = parse_range(wanted, found.bytes)
    except Unsatisfiable:
        problem = http_problem(416, f"{wanted} of {found.bytes} bytes.")
        return problem_response(problem, {"Content-Range": f"bytes */{found.bytes}"})
    start, stop = span or (0, found.bytes)
    headers["Content-Length"] = str(stop - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.bytes}"
    kind = "video/mp4" if key.endswith(".mp4") else "application/octet-stream"
    status = 206 if span is not None else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(storage.get(key, start, stop), status, headers, kind)


async def _batched(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of about CHUNK bytes, so that few hops between threads carry it."""
    batch = bytearray()
    async for chunk in request.stream():
        batch += chunk
        if len(batch) >= CHUNK:
            yield bytes(batch)
            batch.clear()
    if batch:
        yield bytes(batch)


def _pulled(stream: AsyncIterator[bytes]) -> Iterator[bytes]:
    """The stream as seen from a worker thread."""

    async def following() -> bytes | None:
        return await anext(stream, None)

    while (chunk := from_thread.run(following)) is not None:
        yield chunk


def _disposition(filename: str) -> str:
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "_" for letter in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _local(services: Services) -> LocalStorage:
    assert isinstance(services.storage, LocalStorage), "only the local storage's URLs lead here"
    return services.storage


_SIGNED = {
    "expires": "Unix seconds until which the URL works.",
    "signature": "Of method, key and all other parameters.",
}

OPERATIONS = (
    Operation(
        "PUT",
        "/storage/{key:path}",
        "Store a part of an upload; only with the URL from an upload plan.",
        "storage",
        raw=put_part,
        status=204,
        query={
            "upload": "The upload.",
            "part": "The part's number.",
            "bytes": "Its exact length.",
            **_SIGNED,
        },
        problems=(403, 404, 413, 422),
    ),
    Operation(
        "GET",
        "/storage/{key:path}",
        "Download an object, or a range of it; only with a URL that the API gave.",
        "storage",
        raw=get_object,
        statuses=(206, 304),
        query={"filename": "What the download is called.", **_SIGNED},
        problems=(403, 404, 416),
    ),
)
