"""The browser worker's application: takes the page's commands, owns the session's state, tells the page what
changed."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from pycore import clips
from pycore.analysing import Analysing
from pycore.backends.gpu import Frame, GpuBackend
from pycore.backends.host import Host, MediaFile
from pycore.backends.reels import Reels
from pycore.document import (
    History,
    new_project,
    same_media,
    selected_clip,
    with_aspect,
    with_crop,
    with_framing,
    with_keyframe,
    with_output,
    with_spotlight,
    with_trim,
    without_keyframe,
)
from pycore.estimating import Estimator
from pycore.exporting import Exporter, Motion
from pycore.framing.presets import PRESETS
from pycore.job_board import JobBoard
from pycore.local_export.advice import advise
from pycore.local_export.exports import LocalExports, Order
from pycore.local_export.offering import Offering, Wanted
from pycore.previewing import Previewing
from pycore.protocol import (
    AddClip,
    AppState,
    AttachCanvas,
    CancelAnalysis,
    CancelJob,
    ChoosePlayer,
    CloseMedia,
    Command,
    DecodeError,
    DownloadResult,
    Job,
    JobState,
    JoinTracks,
    MediaInfo,
    MoveClip,
    Notice,
    OpenMedia,
    PathPoint,
    Problem,
    Project,
    Rect,
    Redo,
    ReelError,
    RefreshServer,
    Relink,
    RemoveClip,
    RemoveKeyframe,
    Route,
    SelectClip,
    SetAspect,
    SetClip,
    SetCrop,
    SetFraming,
    SetKeyframe,
    SetOutput,
    SetPreview,
    SetSpotlight,
    SetTrim,
    SignIn,
    SplitTrack,
    StartAnalysis,
    StartExport,
    StartLocalExport,
    StateChanged,
    Tier,
    Tracking,
    Undo,
    Upload,
    decode,
    encode,
)
from pycore.server_client import ServerClient, is_unreachable
from pycore.server_tracking import ServerTracker
from pycore.server_watch import ServerWatch
from pycore.tasks import Tasks, as_problem

_KEEP_AFTER_S = 0.5

UPLOAD_ID = "upload"
"""CancelJob's name for the upload under way."""


@dataclass(frozen=True, slots=True)
class Options:
    """`api`: where the server's API lives. `software`: take a software GPU adapter too (tests). `tier`: draw
    the preview with it, however slow it is."""

    api: str = "/api/v1"
    software: bool = False
    tier: Tier | None = None


@dataclass(slots=True)
class _Opened:
    """The medium at hand and its project."""

    history: History
    file: MediaFile
    content_type: str
    motion: dict[str, Motion] = field(default_factory=dict)
    """Of each clip that was selected, by its id."""


class App:
    """`gpu` None: there is no way to a GPU here; `reels` None: none to codecs."""

    def __init__(
        self, host: Host, gpu: GpuBackend | None, options: Options, reels: Reels | None = None
    ) -> None:
        self._host = host
        self._opened: _Opened | None = None
        self._upload: Upload | None = None
        self._export: asyncio.Task[Any] | None = None
        self._keeping: asyncio.Task[Any] | None = None
        self._dirty = False
        self._posted: AppState | None = None
        self._tasks = tasks = Tasks(self._notice)
        self._client = client = ServerClient(host, options.api, self._server_lost)
        self._server = ServerWatch(host, client, tasks, self._changed, self._server_arrived)
        self._board = JobBoard(host, client, tasks, self._changed, self._notice)
        self._estimator = Estimator(host, client, tasks, self._changed, self._notice)
        self._exporter = Exporter(host, client, self._board, self._show_upload)
        self._offering = Offering(host, reels, tasks, self._changed, options.tier)
        self._local = LocalExports(host, gpu, reels, tasks, self._changed, self._notice, self._made_locally)
        self._analysing = Analysing(
            host,
            tasks,
            self._changed,
            self._notice,
            self._edit,
            lambda *shown: self._previewing.follow(*shown),
            self._track_on_server,
        )
        self._tracker = ServerTracker(host, client, self._board, tasks, self._exporter)
        self._previewing = Previewing(
            gpu,
            tasks,
            self._preview_changed,
            self._notice,
            force_software=options.software,
            tier=options.tier,
            store=host.store,
        )

    def start(self) -> None:
        """Tells the page that Python is there, and begins to look for a GPU and the server."""
        self._changed()
        self._tasks.start(self._previewing.detect(), "looking for a GPU")
        self._tasks.start(self._server.refresh(), "asking the server what it can do")

    async def close(self) -> None:
        """Ends all that runs."""
        self._analysing.close()
        await self._tasks.close()
        self._previewing.close()

    @property
    def state(self) -> AppState:
        history = self._opened.history if self._opened else None
        offer, estimates = advise(self._offering.offer, self._estimator.estimates)
        return AppState(
            capability=self._previewing.capability,
            project=history.present if history else None,
            preview=self._previewing.preview,
            can_undo=history.can_undo if history else False,
            can_redo=history.can_redo if history else False,
            server=self._server.info,
            server_problem=self._server.problem,
            estimates=estimates,
            upload=self._upload,
            jobs=self._board.list(),
            presets=PRESETS,
            analysis=self._analysing.analysis,
            local_offer=offer,
            local_exports=self._local.list(),
        )

    async def handle(self, envelope: Mapping[str, Any]) -> dict[str, Any]:
        """Runs the command in `envelope` ({"id", "command", "attachments"}) and returns its answer: {"id",
        "ok": true, "result"} or {"id", "ok": false, "error": Problem}. A StateChanged that it causes is
        posted before."""
        try:
            command: Command = decode(Command, envelope.get("command"), "command")
            result = await self._run(command, envelope.get("attachments") or {})
            answer = {"ok": True, "result": encode(result)}
        except DecodeError as error:
            hint = "Reload the page: it may be older or newer than its worker."
            answer = _refusal(Problem("command.malformed", "The command is not understood", str(error), hint))
        except Exception as error:  # noqa: BLE001 -- whoever sent the command waits for an answer
            answer = _refusal(as_problem(error, "running a command"))
        self._post_state()
        return {"id": envelope.get("id"), **answer}

    async def frame(self, frame: Frame, time_us: int) -> None:
        """Draws a frame of the video, or drops it; posts FramePresented either way."""
        self._analysing.frame(frame, time_us)
        self._host.post({"event": encode(await self._previewing.frame(frame, time_us))})

    async def _run(self, command: Command, attachments: Mapping[str, Any]) -> Any:
        match command:
            case AttachCanvas():
                self._previewing.attach(_attachment(attachments, "canvas", "attach-canvas"))
            case OpenMedia():
                await self._open(command, _attachment(attachments, "file", "open-media"))
            case CloseMedia():
                self._close_media()
                self._document_changed()
            case SetCrop(crop, gesture):
                self._edit(lambda project: with_crop(project, crop), gesture)
            case SetAspect(aspect):
                self._edit(lambda project: with_aspect(project, aspect))
            case SetTrim(in_us, out_us, gesture):
                self._edit(lambda project: with_trim(project, in_us, out_us), gesture)
            case AddClip(at_us):
                self._switch(lambda project: clips.with_added(project, at_us, self._host.uuid()))
            case RemoveClip(index):
                self._switch(lambda project: clips.without(project, index))
            case MoveClip(index, to):
                self._switch(lambda project: clips.moved(project, index, to))
            case SelectClip(index):
                self._keep_motion()
                history = self._media().history
                if history.select(clips.check_index(history.present, index)):
                    self._document_changed()
            case SetClip(title, freeze_us, slow, gesture):
                self._edit(lambda project: clips.described(project, title, freeze_us, slow), gesture)
            case SetOutput(size, model):
                self._edit(lambda project: with_output(project, size, model))
            case SetPreview():
                self._previewing.look(command)
            case SetFraming(framing, gesture):
                self._edit(lambda project: with_framing(project, framing), gesture)
            case SetSpotlight(spotlight, gesture):
                self._edit(lambda project: with_spotlight(project, spotlight), gesture)
            case SetKeyframe(time_us, crop, gesture):
                self._edit(lambda project: with_keyframe(project, time_us, crop), gesture)
            case RemoveKeyframe(time_us):
                self._edit(lambda project: without_keyframe(project, time_us))
            case Undo():
                if self._media().history.undo():
                    self._document_changed()
            case Redo():
                if self._media().history.redo():
                    self._document_changed()
            case RefreshServer():
                await self._server.refresh()
            case SignIn(token):
                self._client.use_token(token.strip())
                await self._server.refresh()
            case StartExport(route):
                self._start_export(route)
            case StartLocalExport():
                self._start_local_export(attachments.get("target"))
            case CancelJob(job_id):
                await self._cancel(job_id)
            case DownloadResult(job_id):
                return await self._download(job_id)
            case StartAnalysis(server):
                self._analysing.start(server=server)
            case CancelAnalysis():
                self._analysing.cancel()
            case ChoosePlayer():
                self._analysing.choose(command)
            case Relink():
                self._analysing.relink(command)
            case SplitTrack():
                self._analysing.split(command)
            case JoinTracks():
                self._analysing.join(command)
            case _:
                assert_never(command)
        return None

    # the document

    async def _open(self, command: OpenMedia, attachment: Any) -> None:
        media = MediaInfo("", command.name, command.bytes, command.size, command.duration_us)
        project = new_project(command.project_id or self._host.uuid(), media)
        self._close_media()
        self._opened = opened = _Opened(
            History(project), self._host.media_file(attachment), command.content_type
        )
        self._analysing.open(opened.history, opened.file)
        self._document_changed()
        if command.project_id:
            await self._resume(opened)

    async def _resume(self, opened: _Opened) -> None:
        """Takes up the stored document, if the server has one of that id for this file. Edits made meanwhile
        win over it; a document about another file is left alone, and this project gets an id of its own."""
        project = opened.history.present
        try:
            stored = await self._client.project(project.id, limit_s=5.0)
        except ReelError as error:
            if error.problem.status != 404 and not is_unreachable(error):
                self._notice(error.problem)
            stored = await self._kept(project.id)
            if stored is None or opened is not self._opened:
                return
        if not same_media(stored, project):
            opened.history.adopt(project_id=self._host.uuid())
        elif opened.history.touched or self._exporting:
            opened.history.adopt(revision=stored.revision, media=stored.clips[0].media)
        else:
            selected = min(max(stored.selected, 0), len(stored.clips) - 1)
            opened.history = History(replace(stored, selected=selected))
            self._analysing.take_up(opened.history)
        self._document_changed()

    async def _kept(self, project_id: str) -> Project | None:
        """The document as this browser keeps it: of a project that no server has."""
        text = await self._host.store.get(f"project:{project_id}")
        try:
            return None if text is None else decode(Project, json.loads(text), "kept project")
        except (DecodeError, ValueError):
            return None  # of another version

    async def _keep(self) -> None:
        """Once nothing has changed for a while."""
        await self._host.sleep(_KEEP_AFTER_S)
        if self._opened is not None:
            project = self._opened.history.present
            text = json.dumps(encode(project), allow_nan=False)
            await self._host.store.put(f"project:{project.id}", text)

    def _close_media(self) -> None:
        if self._export is not None:
            self._export.cancel()  # its upload reads the file that is being closed
        self._opened = None
        self._analysing.close()

    def _media(self) -> _Opened:
        if self._opened is None:
            raise ReelError.of("media.none", "No video is open", hint="Open a video first.", status=409)
        return self._opened

    def _edit(self, edit: Callable[[Project], Project], gesture: str = "") -> None:
        history = self._media().history
        if history.edit(edit(history.present), gesture):
            self._document_changed()

    def _switch(self, edit: Callable[[Project], Project]) -> None:
        """An edit after which another clip may be the selected one."""
        self._keep_motion()
        self._edit(edit)

    def _keep_motion(self) -> None:
        """Paths are planned for the selected clip: what they are now holds for it while another is
        selected."""
        opened = self._media()
        clip = selected_clip(opened.history.present)
        opened.motion[clip.id] = Motion(self._analysing.path, self._analysing.subject)

    def _follow(self, crop: list[PathPoint], subject: list[PathPoint], live: Rect | None) -> None:
        self._previewing.follow(crop, subject, live)
        self._estimate()

    def _estimate(self) -> None:
        """Asks what an export takes, of what its crops need where they move."""
        opened = self._opened
        if opened is None:
            self._offering.want(None)
            return self._estimator.want(None)
        project, motion = opened.history.present, self._motion(opened)
        capability = self._previewing.capability
        self._offering.want(
            Wanted(project, opened.file, motion, replace(capability, tier=None)) if capability else None
        )
        if self._server.info is None:
            return self._estimator.want(None)
        return self._estimator.want(project, {name: each.path for name, each in motion.items()})

    def _motion(self, opened: _Opened) -> dict[str, Motion]:
        """Of the clips, by their ids; the selected one's as it is now."""
        now = Motion(self._analysing.path, self._analysing.subject)
        return {**opened.motion, selected_clip(opened.history.present).id: now}

    def _preview_changed(self) -> None:
        self._changed()
        self._estimate()  # a GPU was found, or lost

    def _document_changed(self) -> None:
        project = self._opened.history.present if self._opened else None
        self._previewing.show(project)
        self._analysing.document_changed()
        if self._opened is not None and self._opened.history.touched:
            if self._keeping is not None:
                self._keeping.cancel()
            self._keeping = self._tasks.start(self._keep(), "keeping the project")
        self._estimate()
        self._changed()

    # the server

    async def _server_arrived(self) -> None:
        self._estimator.forget()
        self._estimate()
        await self._board.refresh()

    def _server_lost(self, problem: Problem) -> None:
        self._server.lost(problem)
        self._estimator.want(None)

    def _start_export(self, route: Route) -> None:
        opened = self._media()
        if self._server.info is None:
            hint = "Wait a moment and try again."
            raise ReelError(
                self._server.problem
                or Problem("server.unknown", "The server is still being asked", hint=hint)
            )
        if self._exporting:
            raise ReelError.of(
                "export.busy",
                "An export is just being started",
                hint="Wait until its upload is done, or cancel that first.",
                status=409,
            )
        export = self._exporter.export(
            opened.history, opened.file, opened.content_type, route, self._motion(opened)
        )
        self._export = self._tasks.start(export, "starting the export")

    def _start_local_export(self, target: Any) -> None:
        opened, capability = self._media(), self._previewing.capability
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
            self._motion(opened),
            self._offering.tier(capability),
            self._previewing.preview.sharpness,
            offer.device,
            capability.software,
            target,
        )
        self._local.start(order)

    def _made_locally(self) -> None:
        self._offering.forget()
        self._estimate()

    async def _track_on_server(self, heard: Callable[[Job], None]) -> Tracking:
        opened = self._media()
        return await self._tracker.track(opened.history, opened.file, opened.content_type, heard)

    @property
    def _exporting(self) -> bool:
        return self._export is not None and not self._export.done()

    async def _cancel(self, job_id: str) -> None:
        if self._local.find(job_id) is not None:
            self._local.cancel(job_id)
        elif job_id != UPLOAD_ID:
            await self._board.cancel(job_id)
        elif self._export is not None and self._exporting:
            self._export.cancel()
        else:
            self._analysing.cancel()

    async def _download(self, job_id: str) -> dict[str, str]:
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

    def _show_upload(self, upload: Upload | None) -> None:
        self._upload = upload
        self._document_changed()

    # what the page hears

    def _changed(self) -> None:
        """Posts the state at the end of this turn, however much changes in it."""
        if not self._dirty:
            self._dirty = True
            asyncio.get_running_loop().call_soon(self._post_state)

    def _post_state(self) -> None:
        self._dirty = False
        state = self.state
        if state != self._posted:
            self._posted = state
            self._host.post({"event": encode(StateChanged(state))})

    def _notice(self, problem: Problem) -> None:
        self._host.post({"event": encode(Notice(problem))})


def _refusal(problem: Problem) -> dict[str, Any]:
    return {"ok": False, "error": encode(problem)}


def _attachment(attachments: Mapping[str, Any], name: str, command: str) -> Any:
    if attachments.get(name) is None:
        hint = f"Send it beside the command, as attachments.{name}."
        raise ReelError.of(
            "command.attachment", "An attachment is missing", f"{command} needs {name!r}.", hint
        )
    return attachments[name]


def _file_name(name: str, extension: str = "mp4") -> str:
    kept = "".join("_" if char in '/\\:*?"<>|' or ord(char) < 32 else char for char in name).strip(" .")
    return f"{(kept or 'reel').removesuffix(f'.{extension}')}.{extension}"
