"""Who looks for players, the analysis worker or, asked for, the server; and what the person says of those
found."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, assert_never

from pycore.analysing.crop_path import CropPath
from pycore.analysing.found import Found, keep, recall
from pycore.analysing.live import Live
from pycore.analysing.looking import Looking
from pycore.backends.gpu import Frame
from pycore.backends.host import AnalystLine, Host, MediaFile
from pycore.document import History, selected_clip, with_player
from pycore.protocol import (
    Analyse,
    Analysis,
    AnalysisFailed,
    AnalysisFinished,
    AnalysisProgress,
    AnalystEvent,
    AnalystReady,
    AnalystTrouble,
    ChoosePlayer,
    Event,
    Followed,
    Job,
    JoinTracks,
    PathChanged,
    PathPlanned,
    PathPoint,
    Problem,
    Project,
    Rect,
    ReelError,
    Relink,
    Route,
    SplitTrack,
    StopAnalysing,
    Tracking,
    TracksChanged,
    decode,
    encode,
)
from pycore.tasks import Tasks, as_problem

ServerTracking = Callable[[Route, Callable[[Job], None]], Awaitable[Tracking]]
"""Has the server look at the open medium, by that route, and tells of the job. Cancelling it cancels the
job."""


class Analysing:
    """`changed()` is called when `analysis` changes, `edit` makes one step of the document's history,
    `show` hears of the path and of the live crop (see Previewing.follow)."""

    def __init__(
        self,
        host: Host,
        tasks: Tasks,
        changed: Callable[[], None],
        on_problem: Callable[[Problem], None],
        edit: Callable[[Callable[[Project], Project]], None],
        show: Callable[[list[PathPoint], list[PathPoint], Rect | None], None],
        on_server: ServerTracking,
    ) -> None:
        self._host, self._tasks = host, tasks
        self._changed, self._on_problem = changed, on_problem
        self._edit, self._show, self._on_server = edit, show, on_server
        self._line: AnalystLine | None = None
        self._found = Found()
        self._crop = CropPath(self._ask, self._path_changed, on_problem)
        self._looking = Looking(host.now, changed)
        self._live = Live(lambda: self._line, self._ask)
        self._remote: asyncio.Task[None] | None = None
        self._history: History | None = None
        self._file: MediaFile | None = None
        self._pending: ChoosePlayer | None = None

    @property
    def analysis(self) -> Analysis:
        """As the page sees it."""
        return self._looking.analysis

    @property
    def path(self) -> list[PathPoint]:
        """The crop's, over the medium."""
        return self._crop.path

    @property
    def subject(self) -> list[PathPoint]:
        """The chosen player's boxes."""
        return self._crop.subject

    # the medium

    def open(self, history: History, file: MediaFile) -> None:
        """Another medium is at hand; what was found in it before is taken up."""
        self.close()
        self._history, self._file = history, file
        self._tasks.start(self._recall(history), "reading what was found before")

    def close(self) -> None:
        """The medium is closed."""
        self._end_remote()
        if self._line is not None:
            self._line.close()
            self._line = None
        self._live.stop()
        self._history = self._file = self._pending = None
        self._found = Found(self._found.revision + 1)
        self._looking.forget(self._found.revision)
        self._crop.forget()
        self._path_changed()

    def take_up(self, history: History) -> None:
        """The document of the same medium was exchanged for the stored one."""
        self._history = history
        self.document_changed()

    async def _recall(self, history: History) -> None:
        tracking = await recall(self._host.store, history.present)
        if tracking is not None and self._history is history and self._found.tracking is None:
            self._take(tracking)

    def document_changed(self) -> None:
        """Corrections, choice or framing may be other ones."""
        if self._history is None:
            return
        clip = selected_clip(self._history.present)
        if self._found.correct(clip):
            self._tell_tracks()
        self._crop.plan(clip, self._found)

    # commands

    def start(self, route: Route | None = None) -> None:
        """Looks for players here, or by that route of the server's. Raises ReelError
        `analysis.unavailable`."""
        history, file = self._opened()
        if self._looking.busy:
            return
        if route is not None:
            self._looking.begin("Sending the video to the server")
            self._remote = self._tasks.start(
                self._ask_server(history, route), "having the server look for players"
            )
            return
        self._looking.begin("Starting")
        media = selected_clip(history.present).media
        try:
            self._ask(Analyse(media.size, media.duration_us), {"file": file.handle})
        except ReelError as error:
            self._looking.failed(error.problem)
            raise

    def cancel(self) -> None:
        if self._looking.busy:
            if self._remote is None:
                self._ask(StopAnalysing())
            self._end_remote()
            self._unfollow()
            self._pending = None
            self._looking.cancelled(self._found)

    def choose(self, command: ChoosePlayer) -> None:
        """Raises ReelError `players.unknown`, `players.nobody`, `analysis.unavailable`."""
        history, _ = self._opened()
        if command.x is None or command.y is None:
            if command.track_id:
                self._found.check(command.track_id)
            self._edit(partial(with_player, track_id=command.track_id))
        elif self._found.tracking is not None:
            chosen = self._found.at(command.x, command.y, command.time_us)
            if not chosen:
                hint = "Click nearer to a player, or go to a moment in which the player is seen."
                raise ReelError.of("players.nobody", "Nobody was found there", hint=hint, status=404)
            self._edit(partial(with_player, track_id=chosen))
        else:
            self.start()
            self._pending = command
            if self._remote is None:
                self._live.follow(command, selected_clip(history.present))
            self._looking.set(waiting=True)

    def relink(self, command: Relink) -> None:
        """Raises ReelError: see Found.relink."""
        history, _ = self._opened()
        self._edit(self._found.relink(selected_clip(history.present), command))

    def split(self, command: SplitTrack) -> None:
        """Raises ReelError: see Found.split."""
        history, _ = self._opened()
        self._edit(self._found.split(selected_clip(history.present), command))

    def join(self, command: JoinTracks) -> None:
        """Raises ReelError: see Found.join."""
        self._opened()
        self._edit(self._found.join(command))

    # frames

    def frame(self, frame: Frame, time_us: int) -> None:
        """A frame that is on its way to Reel."""
        self._live.frame(frame, time_us)

    # the server

    async def _ask_server(self, history: History, route: Route) -> None:
        try:
            tracking = await self._on_server(route, self._looking.job_changed)
        except Exception as error:  # noqa: BLE001 -- the page waits for an end, whatever it is
            self._remote = None
            self._fail(as_problem(error, "having the server look for players"))
            return
        self._remote = None
        if history is self._history:
            self._finished(tracking)

    def _end_remote(self) -> None:
        if self._remote is not None:
            self._remote.cancel()
            self._remote = None

    # the worker

    def _ask(self, request: Any, attachments: dict[str, Any] | None = None) -> None:
        if self._line is None:
            self._line = self._host.analyst(self._hear, self._died)
        if self._line is None:
            raise ReelError.of("analysis.unavailable", "Players cannot be looked for here", status=501)
        self._line.ask(encode(request), attachments)

    def _died(self, reason: str) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        hint = "Try again; reload the page if that does not help."
        problem = Problem("analysis.worker", "The analysis stopped", reason, hint, 500)
        self._unfollow()
        if self._looking.busy and self._remote is None:
            self._fail(problem)
        else:
            self._on_problem(problem)

    def _hear(self, message: dict[str, Any]) -> None:
        event: AnalystEvent = decode(AnalystEvent, message, "event")
        match event:
            case AnalystReady(processor):
                if self._remote is None:
                    self._looking.set(processor=processor)
            case AnalysisProgress():
                self._looking.progressed(event)
            case AnalysisFinished(tracking):
                self._finished(tracking)
            case AnalysisFailed(problem):
                self._fail(problem)
            case Followed():
                self._followed(event)
            case PathPlanned():
                self._crop.planned(event)
            case AnalystTrouble(problem):
                self._unfollow()
                self._on_problem(problem)
            case _:
                assert_never(event)

    # the end

    def _finished(self, tracking: Tracking) -> None:
        if self._history is None:
            return
        pending, self._pending = self._pending, None
        self._unfollow()
        self._take(tracking)
        project = self._history.present
        self._tasks.start(keep(self._host.store, project, tracking), "keeping what was found")
        if pending is None:
            return
        if chosen := self._found.around(pending):
            self._edit(partial(with_player, track_id=chosen))
        else:
            hint = "The boxes show who was found: click one of them."
            self._on_problem(Problem("players.nobody", "Nobody was found where you clicked", "", hint, 404))

    def _take(self, tracking: Tracking) -> None:
        assert self._history is not None
        clip = selected_clip(self._history.present)
        self._found.take(tracking, clip)
        self._tell_tracks()
        self._looking.done(self._found)
        self._crop.plan(clip, self._found)

    def _fail(self, problem: Problem) -> None:
        self._pending = None
        self._unfollow()
        self._looking.failed(problem)

    # what the page and the preview hear

    def _tell_tracks(self) -> None:
        found = self._found
        assert found.tracking is not None
        self._looking.found(found)
        self._tell(TracksChanged(found.revision, found.tracking.times_us, found.tracks))

    def _path_changed(self) -> None:
        self._tell(PathChanged(self.path, self.subject))
        self._show(self.path, self.subject, None)

    def _followed(self, event: Followed) -> None:
        if self._live.followed(event):
            self._tell(event)
            self._show([], [], event.crop)

    def _unfollow(self) -> None:
        if self._live.stop():
            self._show(self.path, self.subject, None)

    def _opened(self) -> tuple[History, MediaFile]:
        if self._history is None or self._file is None:
            raise ReelError.of("media.none", "No video is open", hint="Open a video first.", status=409)
        return self._history, self._file

    def _tell(self, event: Event) -> None:
        self._host.post({"event": encode(event)})
