"""What leaves this page as a file: which ways an export can take and what they cost; exports started, ended
and fetched, on the server or in this browser."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pycore.backends.gpu import GpuBackend
from pycore.backends.host import Host
from pycore.backends.reels import Reels
from pycore.estimating import Estimator, estimate_request, tracking_request
from pycore.exporting import Exporter
from pycore.job_board import JobBoard
from pycore.local_export.advice import advise
from pycore.local_export.exports import LocalExports, Order
from pycore.local_export.offering import Offering, Wanted
from pycore.previewing import Previewing
from pycore.protocol import (
    Estimate,
    Job,
    JobState,
    LocalExport,
    LocalOffer,
    Problem,
    ReelError,
    Route,
    Tier,
    Tracking,
    Upload,
)
from pycore.server_client import ServerClient
from pycore.server_tracking import ServerTracker
from pycore.server_watch import ServerWatch
from pycore.tasks import Tasks
from pycore.workspace import Workspace

UPLOAD_ID = "upload"
"""CancelJob's name for the upload under way."""


class Deliveries:
    """`changed()` is called when what it shows changes, `document_changed()` when an upload's progress or
    what the server decided does. `tier`: the one to export with in the browser, where one is forced."""

    def __init__(
        self,
        host: Host,
        client: ServerClient,
        server: ServerWatch,
        board: JobBoard,
        tasks: Tasks,
        workspace: Workspace,
        previewing: Previewing,
        gpu: GpuBackend | None,
        reels: Reels | None,
        tier: Tier | None,
        changed: Callable[[], None],
        document_changed: Callable[[], None],
        notice: Callable[[Problem], None],
    ) -> None:
        self._client, self._server, self._board, self._tasks = client, server, board, tasks
        self._workspace, self._previewing = workspace, previewing
        self._document_changed = document_changed
        self._starting: asyncio.Task[Any] | None = None
        self._estimator = Estimator(host, client.estimates, tasks, changed, notice)
        self._search_estimator = Estimator(host, client.tracking_estimates, tasks, changed, notice)
        self._exporter = Exporter(host, client, board, self._show_upload)
        self._tracker = ServerTracker(host, client, board, tasks, self._exporter)
        self._offering = Offering(host, reels, tasks, changed, tier)
        self._local = LocalExports(host, gpu, reels, tasks, changed, notice, self._made_locally)
        self.upload: Upload | None = None

    @property
    def is_starting(self) -> bool:
        """Whether an export is being brought to the server."""
        return self._starting is not None and not self._starting.done()

    def made_here(self) -> list[LocalExport]:
        """The exports of this page's own."""
        return self._local.list()

    def ways(self) -> tuple[LocalOffer | None, list[Estimate]]:
        """This browser's offer and the server's estimates; one of them is recommended."""
        return advise(self._offering.offer, self._estimator.estimates)

    # estimates

    @property
    def tracking_estimates(self) -> list[Estimate]:
        """What the server takes to find the players of the present medium."""
        return self._search_estimator.estimates

    def estimate(self) -> None:
        """Asks what an export takes, of what its crops need where they move, and a search for players."""
        opened = self._workspace.opened
        if opened is None:
            self._offering.want(None)
            return self._estimate_no_more()
        project, motion = opened.history.present, self._workspace.motion(opened)
        capability = self._previewing.capability
        self._offering.want(
            Wanted(project, opened.file, motion, replace(capability, tier=None)) if capability else None
        )
        if self._server.info is None:
            return self._estimate_no_more()
        self._search_estimator.want(tracking_request(project))
        paths = {name: each.path for name, each in motion.items()}
        return self._estimator.want(estimate_request(project, paths))

    def _estimate_no_more(self) -> None:
        self._estimator.want(None)
        self._search_estimator.want(None)

    def server_arrived(self) -> None:
        self._estimator.forget()
        self._search_estimator.forget()
        self.estimate()

    def server_lost(self) -> None:
        self._estimate_no_more()

    def _made_locally(self) -> None:
        self._offering.forget()
        self.estimate()

    # starting

    def start_export(self, route: Route) -> None:
        """Raises ReelError where there is no server, or an export is being started."""
        opened = self._workspace.media()
        if self._server.info is None:
            hint = "Wait a moment and try again."
            raise ReelError(
                self._server.problem
                or Problem("server.unknown", "The server is still being asked", hint=hint)
            )
        if self.is_starting:
            raise ReelError.of(
                "export.busy",
                "An export is just being started",
                hint="Wait until its upload is done, or cancel that first.",
                status=409,
            )
        motion = self._workspace.motion(opened)
        export = self._exporter.export(opened.history, opened.file, opened.content_type, route, motion)
        self._starting = self._tasks.start(export, "starting the export")

    def start_local_export(self, target: Any) -> None:
        """Raises ReelError `local-export.unavailable`. `target`: see Reels.create."""
        opened, capability = self._workspace.media(), self._previewing.capability
        offer = self._offering.offer
        if offer is None or not offer.available or capability is None:
            raise ReelError.of(
                "local-export.unavailable",
                "This browser cannot make this reel",
                "Its GPU and codecs are still being looked at." if offer is None else offer.reason,
                "Export on the server.",
                status=409,
            )
        order = Order(
            opened.history.present,
            opened.file,
            self._workspace.motion(opened),
            self._offering.tier(capability),
            self._previewing.preview.sharpness,
            offer.device,
            capability.software,
            target,
        )
        self._local.start(order)

    async def track_on_server(self, route: Route, heard: Callable[[Job], None]) -> Tracking:
        """See ServerTracker.track."""
        opened = self._workspace.media()
        return await self._tracker.track(opened.history, opened.file, opened.content_type, route, heard)

    def _show_upload(self, upload: Upload | None) -> None:
        self.upload = upload
        self._document_changed()

    # ending

    def pause(self, job_id: str, paused: bool) -> None:
        """Holds an export of this page's own, or lets it go on."""
        self._local.pause(job_id, paused)

    async def cancel(self, job_id: str) -> bool:
        """False where that is no job and no export that is being started."""
        if self._local.find(job_id) is not None:
            self._local.cancel(job_id)
        elif job_id != UPLOAD_ID:
            await self._board.cancel(job_id)
        else:
            return self.cancel_start()
        return True

    def cancel_start(self) -> bool:
        """Ends the upload of an export that is being started. False where there is none."""
        if self._starting is None or not self.is_starting:
            return False
        return self._starting.cancel()

    async def download(self, job_id: str) -> dict[str, str]:
        """Where the result lies ({"url"} or {"stored"}) and its {"filename"}. Raises ReelError
        `job.no-result`."""
        made = self._local.find(job_id)
        if made is not None and made.result is not None and made.result.stored:
            _, _, extension = made.result.stored.rpartition(".")
            return {"stored": made.result.stored, "filename": _file_name(made.name, extension)}
        job = next((job for job in self._board.list() if job.id == job_id), None)
        if job is None or job.state is not JobState.SUCCEEDED:
            detail = "It is not in the list." if job is None else f"It is {job.state}."
            hint = "Only a finished export can be downloaded; start it again if it failed or is gone."
            raise ReelError.of("job.no-result", "This job has no result", detail, hint, 409)
        return {"url": await self._client.result_url(job_id), "filename": _file_name(job.name)}


def _file_name(name: str, extension: str = "mp4") -> str:
    kept = "".join("_" if char in '/\\:*?"<>|' or ord(char) < 32 else char for char in name).strip(" .")
    return f"{(kept or 'reel').removesuffix(f'.{extension}')}.{extension}"
