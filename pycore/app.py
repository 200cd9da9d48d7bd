"""The browser worker's application: takes the page's commands, hands each to its room, tells the page what
changed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from pycore.analysing import Analysing
from pycore.backends.gpu import Frame, GpuBackend
from pycore.backends.host import Host
from pycore.backends.reels import Reels
from pycore.deliveries import Deliveries
from pycore.editing import Edit
from pycore.framing.presets import PRESETS
from pycore.job_board import JobBoard
from pycore.previewing import Previewing
from pycore.protocol import (
    AppState,
    AttachCanvas,
    CancelAnalysis,
    CancelJob,
    ChoosePlayer,
    CloseMedia,
    Command,
    DecodeError,
    DownloadResult,
    JoinTracks,
    Notice,
    OpenMedia,
    PauseLocalExport,
    Problem,
    Redo,
    ReelError,
    RefreshServer,
    Relink,
    SelectClip,
    SetPreview,
    SignIn,
    SplitTrack,
    StartAnalysis,
    StartExport,
    StartLocalExport,
    StateChanged,
    Tier,
    Undo,
    decode,
    encode,
)
from pycore.server_client import ServerClient
from pycore.server_watch import ServerWatch
from pycore.tasks import Tasks, as_problem
from pycore.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Options:
    """`api`: where the server's API lives. `software`: take a software GPU adapter too (tests). `tier`: draw
    the preview with it, however slow it is."""

    api: str = "/api/v1"
    software: bool = False
    tier: Tier | None = None


class App:
    """`gpu` None: there is no way to a GPU here; `reels` None: none to codecs."""

    def __init__(
        self, host: Host, gpu: GpuBackend | None, options: Options, reels: Reels | None = None
    ) -> None:
        self._host = host
        self._dirty = False
        self._posted: AppState | None = None
        self._tasks = tasks = Tasks(self._notice)
        self._client = client = ServerClient(host, options.api, self._server_lost)
        self._server = ServerWatch(host, client, tasks, self._changed, self._server_arrived)
        self._board = JobBoard(host, client, tasks, self._changed, self._notice)
        self._previewing = Previewing(
            gpu,
            tasks,
            self._preview_changed,
            self._notice,
            force_software=options.software,
            tier=options.tier,
            store=host.store,
        )
        self._analysing = Analysing(
            host,
            tasks,
            self._changed,
            self._notice,
            lambda edit: self._workspace.change(edit),
            self._previewing.follow,
            lambda route, heard: self._deliveries.track_on_server(route, heard),
        )
        self._workspace = Workspace(
            host,
            client,
            tasks,
            self._analysing,
            self._document_changed,
            self._notice,
            lambda: self._deliveries.is_starting,
        )
        self._deliveries = Deliveries(
            host,
            client,
            self._server,
            self._board,
            tasks,
            self._workspace,
            self._previewing,
            gpu,
            reels,
            options.tier,
            self._changed,
            self._document_changed,
            self._notice,
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
        opened = self._workspace.opened
        history = opened.history if opened else None
        offer, estimates = self._deliveries.ways()
        return AppState(
            capability=self._previewing.capability,
            project=history.present if history else None,
            preview=self._previewing.preview,
            can_undo=history.can_undo if history else False,
            can_redo=history.can_redo if history else False,
            server=self._server.info,
            server_problem=self._server.problem,
            estimates=estimates,
            tracking_estimates=self._deliveries.tracking_estimates,
            upload=self._deliveries.upload,
            jobs=self._board.list(),
            presets=PRESETS,
            analysis=self._analysing.analysis,
            local_offer=offer,
            local_exports=self._deliveries.made_here(),
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
        if isinstance(command, Edit):
            return self._workspace.edit(command)
        match command:
            case AttachCanvas():
                self._previewing.attach(_attachment(attachments, "canvas", "attach-canvas"))
            case OpenMedia():
                file = _attachment(attachments, "file", "open-media")
                self._deliveries.cancel_start()  # its upload reads the file that is being closed
                await self._workspace.open(command, file)
            case CloseMedia():
                self._deliveries.cancel_start()
                self._workspace.close()
                self._document_changed()
            case SelectClip(index):
                self._workspace.select(index)
            case Undo():
                self._workspace.undo()
            case Redo():
                self._workspace.redo()
            case SetPreview():
                self._previewing.look(command)
            case RefreshServer():
                await self._server.refresh()
            case SignIn(token):
                self._client.use_token(token.strip())
                await self._server.refresh()
            case StartExport(route):
                self._deliveries.start_export(route)
            case StartLocalExport():
                self._deliveries.start_local_export(attachments.get("target"))
            case PauseLocalExport(job_id, paused):
                self._deliveries.pause(job_id, paused)
            case CancelJob(job_id):
                if not await self._deliveries.cancel(job_id):
                    self._analysing.cancel()  # the upload was for that
            case DownloadResult(job_id):
                return await self._deliveries.download(job_id)
            case StartAnalysis(server, route):
                self._analysing.start(route if server else None)
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

    # what one room's news means to the others

    def _preview_changed(self) -> None:
        self._changed()
        self._deliveries.estimate()  # a GPU was found, or lost

    def _document_changed(self) -> None:
        opened = self._workspace.opened
        self._previewing.show(opened.history.present if opened else None)
        self._analysing.document_changed()
        self._workspace.keep()
        self._deliveries.estimate()
        self._changed()

    async def _server_arrived(self) -> None:
        self._deliveries.server_arrived()
        await self._board.refresh()

    def _server_lost(self, problem: Problem) -> None:
        self._server.lost(problem)
        self._deliveries.server_lost()

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
