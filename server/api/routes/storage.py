"""storage: what presigned URLs of the local storage lead to. Other storages serve theirs themselves."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

from anyio import from_thread, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from server.api.operations import Operation, check_length, too_long
from server.api.problems import http_problem, problem_response
from server.api.ranges import Unsatisfiable, parse_range
from server.api.services import Services
from server.storage.base import content_disposition, content_type, not_found
from server.storage.local import CHUNK, LocalStorage


async def put(services: Services, request: Request) -> Response:
    """Stores one part of an upload, or a whole object; the URL says which, and what it must be."""
    storage = _local(services)
    key = request.path_params["key"]
    signed = storage.signer.check("PUT", key, request.query_params)
    if "part" in signed:
        length = int(signed["bytes"])
        check_length(request, length)
        chunks = _pulled(_batched(request))
        work = partial(storage.put_part, key, signed["upload"], int(signed["part"]), chunks, length)
    else:
        most = services.config.max_upload_bytes
        check_length(request, most)
        if request.headers.get("content-type") != signed["type"]:
            problem = http_problem(403, f"Content-Type: it must be {signed['type']}, as the URL says.")
            return problem_response(problem)
        once = "once" in signed
        if once and request.headers.get("if-none-match") != "*":
            return problem_response(http_problem(403, "If-None-Match: it must be *, as the URL says."))
        put = storage.put_once if once else storage.put
        work = partial(put, key, _at_most(most, _pulled(_batched(request))))
    try:
        stored = await to_thread.run_sync(work)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is left to read it
    if stored is False:
        return problem_response(http_problem(412, f"{key} is there already."))
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
        "Content-Disposition": content_disposition(signed["filename"]),
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
    kind = content_type(key)
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


def _at_most(most: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > most:
            raise too_long(most)
        yield chunk


def _local(services: Services) -> LocalStorage:
    if not isinstance(services.storage, LocalStorage):
        raise HTTPException(404)  # a bucket serves its URLs itself
    return services.storage


_SIGNED = {
    "expires": "Unix seconds until which the URL works.",
    "signature": "Of method, key and all other parameters.",
}

OPERATIONS = (
    Operation(
        "PUT",
        "/storage/{key:path}",
        "Store a part of an upload, or a whole object; only with a URL that the API gave.",
        "storage",
        raw=put,
        status=204,
        query={
            "upload": "The upload.",
            "part": "The part's number.",
            "bytes": "The part's exact length.",
            "type": "For a whole object: its Content-Type.",
            "once": "There must be no such object yet: send If-None-Match: * too.",
            **_SIGNED,
        },
        problems=(403, 404, 412, 413, 422),
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
