"""The server's API, typed: each method is one route of `/api/v1`, answers protocol types and raises
ReelError."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from pycore.backends.host import Host, Response, Socket, Unreachable
from pycore.protocol import (
    DecodeError,
    Estimate,
    EstimateRequest,
    ExportRequest,
    Job,
    JobEvent,
    MediaInfo,
    Problem,
    Project,
    ReelError,
    ServerInfo,
    Ticket,
    TicketRequest,
    Tracking,
    TrackingEstimateRequest,
    TrackingRequest,
    UploadPlan,
    UploadRequest,
    decode,
    encode,
)

UNREACHABLE = "server.unreachable"
UNEXPECTED = "server.unexpected-answer"
_URN = "urn:reelballers:"


def is_unreachable(error: ReelError) -> bool:
    """Whether nobody answered."""
    return error.problem.code == UNREACHABLE


def is_transient(error: ReelError) -> bool:
    """Whether the same request may succeed a little later."""
    return error.problem.code != UNEXPECTED and error.problem.status in (408, 425, 429, 500, 502, 503, 504)


class ServerClient:
    """`api` is where the API lives, such as "/api/v1"; `on_unreachable` hears of each call that nobody
    answered."""

    def __init__(self, host: Host, api: str, on_unreachable: Callable[[Problem], None]) -> None:
        self._host = host
        self._api = api.rstrip("/")
        self._on_unreachable = on_unreachable
        self._token = ""

    def use_token(self, token: str) -> None:
        """Sends this token with every call of the API from now on; "" for none."""
        self._token = token

    # projects

    async def project(self, project_id: str, *, limit_s: float = 30.0) -> Project:
        return await self._call(Project, "GET", f"projects/{_part(project_id)}", limit_s=limit_s)

    async def create_project(self, project: Project) -> Project:
        return await self._call(Project, "POST", "projects", project)

    async def save_project(self, project: Project) -> Project:
        """Raises ReelError with status 409 when `project.revision` is not the stored one."""
        return await self._call(Project, "PUT", f"projects/{_part(project.id)}", project)

    # media

    async def plan_upload(self, project_id: str, request: UploadRequest) -> UploadPlan:
        return await self._call(UploadPlan, "POST", f"projects/{_part(project_id)}/media", request)

    async def upload_plan(self, project_id: str, media_id: str) -> UploadPlan:
        """The plan of an upload begun, with fresh URLs."""
        return await self._call(UploadPlan, "GET", _media(project_id, media_id))

    async def complete_upload(self, project_id: str, media_id: str) -> MediaInfo:
        """Has the server check and probe the file; raises ReelError with status 422 when it is no usable
        video."""
        path = f"{_media(project_id, media_id)}/completion"
        return await self._call(MediaInfo, "POST", path, limit_s=120.0)

    async def put_part(self, url: str, body: Any) -> None:
        """Stores one part at its presigned URL, which may be relative to the API's address."""
        url = urljoin(f"{self._api}/", url)
        headers = {"Content-Type": "application/octet-stream"}
        await self._request("PUT", url, headers, body, limit_s=600.0)

    # exports, jobs, estimates, system

    async def create_export(self, project_id: str, request: ExportRequest, key: str) -> Job:
        """`key`: the same one never makes a second job."""
        path = f"projects/{_part(project_id)}/exports"
        return await self._call(Job, "POST", path, request, headers={"Idempotency-Key": key})

    async def create_tracking(self, project_id: str, request: TrackingRequest, key: str) -> Job:
        """`key`: the same one never makes a second job."""
        path = f"projects/{_part(project_id)}/tracking"
        return await self._call(Job, "POST", path, request, headers={"Idempotency-Key": key})

    async def tracking(self, job_id: str) -> Tracking:
        """What a finished tracking job found."""
        return await self._call(Tracking, "GET", f"jobs/{_part(job_id)}/tracking", limit_s=120.0)

    async def jobs(self) -> list[Job]:
        """All jobs, newest first."""
        return await self._call(list[Job], "GET", "jobs")

    async def job(self, job_id: str) -> Job:
        return await self._call(Job, "GET", f"jobs/{_part(job_id)}")

    async def cancel_job(self, job_id: str) -> Job:
        return await self._call(Job, "POST", f"jobs/{_part(job_id)}/cancellation")

    async def result_url(self, job_id: str) -> str:
        """Where the browser downloads a finished job's file, soon: redirects to a presigned URL with the
        right file name."""
        return await self._with_ticket(f"jobs/{_part(job_id)}/result")

    async def job_events(self, job_id: str, after: int) -> "JobEvents":
        """The job's changes since event number `after`. Raises ReelError `server.unreachable`."""
        url = await self._with_ticket(f"jobs/{_part(job_id)}/events", f"after={after}")
        try:
            return JobEvents(await self._host.websocket(url))
        except Unreachable as error:
            raise _unreachable(error) from error

    async def estimates(self, request: EstimateRequest) -> list[Estimate]:
        return await self._call(list[Estimate], "POST", "estimates", request)

    async def tracking_estimates(self, request: TrackingEstimateRequest) -> list[Estimate]:
        return await self._call(list[Estimate], "POST", "estimates/tracking", request)

    async def capabilities(self) -> ServerInfo:
        return await self._call(ServerInfo, "GET", "system/capabilities", limit_s=10.0)

    async def _with_ticket(self, path: str, query: str = "") -> str:
        """The URL of what cannot send a header; with a token in use a ticket goes with it."""
        if self._token:
            whole = urlsplit(f"{self._api}/{path}").path
            ticket: Ticket = await self._call(Ticket, "POST", "tickets", TicketRequest(whole))
            query = "&".join(filter(None, (query, f"ticket={_part(ticket.ticket)}")))
        return f"{self._api}/{path}" + (f"?{query}" if query else "")

    async def _call(
        self,
        kind: Any,
        method: str,
        path: str,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        limit_s: float = 30.0,
    ) -> Any:
        sent = {"Accept": "application/json", **(headers or {})}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        body = None
        if content is not None:
            sent["Content-Type"] = "application/json"
            body = json.dumps(encode(content), allow_nan=False).encode()
        try:
            response = await self._request(method, f"{self._api}/{path}", sent, body, limit_s)
        except ReelError as error:
            if is_unreachable(error):
                self._on_unreachable(error.problem)
            raise
        try:
            return decode(kind, json.loads(response.body), path)
        except (DecodeError, ValueError) as error:
            raise ReelError.of(
                UNEXPECTED,
                "The server's answer makes no sense",
                f"{method} {self._api}/{path}: {error}",
                "Page and server may be of different versions, or this address has no ReelBallers server: "
                "reload the page, or start it with `python3 build.py run`.",
                502,
            ) from error

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: Any, limit_s: float
    ) -> Response:
        try:
            response = await self._host.http(method, url, headers, body, limit_s=limit_s)
        except Unreachable as error:
            raise _unreachable(error) from error
        if response.status >= 400:
            raise ReelError(problem_of(response, f"{method} {url.partition('?')[0]}"))
        return response


class JobEvents:
    """A job's events as they come."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def next(self) -> JobEvent | None:
        """The next one; None once the server has closed. Raises ReelError when the connection broke or made
        no sense."""
        try:
            text = await self._socket.receive()
        except Unreachable as error:
            raise _unreachable(error) from error
        if text is None:
            return None
        try:
            return decode(JobEvent, json.loads(text), "event")
        except (DecodeError, ValueError) as error:
            raise ReelError.of(
                UNEXPECTED,
                "The server sent a job event that makes no sense",
                str(error),
                "Reload the page: it may be older than the server.",
                502,
            ) from error

    async def close(self) -> None:
        await self._socket.close()


def problem_of(response: Response, what: str) -> Problem:
    """The problem document (RFC 9457) that an answer carries; made up from the status where it carries
    none."""
    try:
        document = json.loads(response.body)
    except ValueError:
        document = None
    if isinstance(document, dict) and str(document.get("type", "")).startswith(_URN):
        return Problem(
            str(document["type"]).removeprefix(_URN),
            str(document.get("title", "")),
            str(document.get("detail", "")),
            str(document.get("hint", "")),
            response.status,
        )
    return Problem(
        f"server.http-{response.status}",
        f"The server answered {response.status}",
        what,
        "Is this address a ReelBallers server? `python3 build.py run` starts one; its log tells more.",
        response.status,
    )


def _unreachable(error: Unreachable) -> ReelError:
    return ReelError.of(
        UNREACHABLE,
        "The server cannot be reached",
        str(error),
        "The preview works without it. To export, start it with `python3 build.py run` or check the network.",
        503,
    )


def _part(text: str) -> str:
    return quote(text, safe="")


def _media(project_id: str, media_id: str) -> str:
    return f"projects/{_part(project_id)}/media/{_part(media_id)}"
