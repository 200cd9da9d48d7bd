"""Starting an export: project stored, media uploaded where the server lacks it, export created, job handed to
the board."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pycore.backends.host import Host, MediaFile
from pycore.document import History, same_media, selected_clip, with_media
from pycore.estimating import export_crop
from pycore.job_board import JobBoard
from pycore.protocol import ExportClip, ExportRequest, Job, PathPoint, Project, ReelError, Route, Upload
from pycore.server_client import ServerClient, is_transient
from pycore.uploads import Uploader

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Motion:
    """How a clip's crop moves, and its player's boxes."""

    path: Sequence[PathPoint] = ()
    subject: Sequence[PathPoint] = ()


class Exporter:
    """Runs one export's start. `show_upload` is called with the upload's progress, and with None when there
    is none."""

    def __init__(
        self,
        host: Host,
        client: ServerClient,
        board: JobBoard,
        show_upload: Callable[[Upload | None], None],
    ) -> None:
        self._host = host
        self._client = client
        self._board = board
        self._show_upload = show_upload
        self._bringing = asyncio.Lock()

    async def export(
        self,
        history: History,
        file: MediaFile,
        content_type: str,
        route: Route,
        motion: Mapping[str, Motion],
    ) -> Job:
        """Exports the project as it is at the call, whatever is edited during the upload. `motion`: of its
        clips, by their ids.

        What the server decides (revision, probed medium) goes into `history`. Raises ReelError.
        """
        project = history.present
        await self.bring(history, file, content_type)
        clip = selected_clip(history.present)
        job = await self._create(
            history.present.id, export_request(with_media(project, clip.media), route, motion)
        )
        self._board.take(job)
        return job

    async def bring(self, history: History, file: MediaFile, content_type: str) -> None:
        """Has the server know the project and its medium. One at a time: a second call waits and finds them
        there. Raises ReelError."""
        async with self._bringing:
            await self._store(history)
            if not await self._has_media(history.present):
                await self._upload(history, file, content_type)
                await self._store(history)

    async def _store(self, history: History) -> None:
        """Brings the server's copy of the document up to date. Where another tab has changed it, this one
        wins."""
        project = history.present
        try:
            stored = await self._client.project(project.id)
        except ReelError as error:
            if error.problem.status != 404:
                raise
            stored = await self._client.create_project(replace(project, revision=0))
        if not same_media(project, stored):  # that id is another file's: leave its document alone
            project = replace(project, id=self._host.uuid(), revision=0)
            stored = await self._client.create_project(project)
            history.adopt(project_id=stored.id)
        project = replace(project, revision=stored.revision)
        if project != stored:
            stored = await self._client.save_project(project)
        history.adopt(revision=stored.revision)

    async def _has_media(self, project: Project) -> bool:
        media_id = selected_clip(project).media.id
        if not media_id:
            return False
        try:
            return (await self._client.upload_plan(project.id, media_id)).info is not None
        except ReelError as error:
            if error.problem.status != 404:
                raise
            return False

    async def _upload(self, history: History, file: MediaFile, content_type: str) -> None:
        def progress(sent: int, total: int) -> None:
            self._show_upload(Upload(file.name, sent, total))

        try:
            progress(0, file.size)
            uploader = Uploader(self._host, self._client, progress)
            history.adopt(media=await uploader.upload(history.present.id, file, content_type))
        finally:
            self._show_upload(None)

    async def _create(self, project_id: str, request: ExportRequest) -> Job:
        key = self._host.uuid()
        return await self.insistently(lambda: self._client.create_export(project_id, request, key))

    async def insistently(self, ask: Callable[[], Awaitable[Job]]) -> Job:
        """Asks for a job, with the same key in every try: an answer that got lost makes no second one. Raises
        ReelError."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await ask()
            except ReelError as error:
                if attempt == _ATTEMPTS or not is_transient(error):
                    raise
            await self._host.sleep(0.5 * 2**attempt)


def export_request(project: Project, route: Route, motion: Mapping[str, Motion]) -> ExportRequest:
    """What is asked of the server for this project; its media must have the server's ids."""
    still = Motion()
    clips = [
        ExportClip(
            clip.media.id,
            clip.in_us,
            clip.out_us,
            export_crop(clip),
            path=list(motion.get(clip.id, still).path),
            subject=list(motion.get(clip.id, still).subject),
            spotlight=clip.spotlight,
            title=clip.title,
            freeze_us=clip.freeze_us,
            slow=clip.slow,
        )
        for clip in project.clips
    ]
    return ExportRequest(clips, project.output.size, project.output.model, route)
