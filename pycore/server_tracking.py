"""Having the server look for the players of the open medium: for browsers that cannot, or are too slow."""

from collections.abc import Callable

from pycore.backends.host import Host, MediaFile
from pycore.document import History, selected_clip
from pycore.exporting import Exporter
from pycore.job_board import JobBoard
from pycore.protocol import Job, JobState, Problem, ReelError, Route, Tracking, TrackingRequest
from pycore.server_client import ServerClient
from pycore.tasks import Tasks


class ServerTracker:
    """Uses the exporter's way of bringing document and media to the server."""

    def __init__(
        self, host: Host, client: ServerClient, board: JobBoard, tasks: Tasks, exporter: Exporter
    ) -> None:
        self._host, self._client, self._board = host, client, board
        self._tasks, self._exporter = tasks, exporter

    async def track(
        self,
        history: History,
        file: MediaFile,
        content_type: str,
        route: Route,
        heard: Callable[[Job], None],
    ) -> Tracking:
        """Who is where in the medium, found by `route`; `heard` is told of the job. Cancelling this cancels
        the job. Raises ReelError: what the server refuses, or the job's own problem."""
        await self._exporter.bring(history, file, content_type)
        project = history.present
        request = TrackingRequest(selected_clip(project).media.id, route=route)
        key = self._host.uuid()
        job = await self._exporter.insistently(lambda: self._client.create_tracking(project.id, request, key))
        ended = False
        try:
            job = await self._board.ended(job, heard)
            ended = True
        finally:
            if not ended:
                self._tasks.start(self._board.cancel(job.id), "cancelling the search for players")
        if job.state is not JobState.SUCCEEDED:
            hint = "Start it again."
            raise ReelError(job.error or Problem("job.cancelled", "The search was cancelled", "", hint, 409))
        return await self._client.tracking(job.id)
