"""The application's side of finding players: the analysis worker, what it found, whom the person chose and
corrected, and the way of the crop that follows from it."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, assert_never

from pycore import players
from pycore.backends.gpu import Frame
from pycore.backends.host import AnalystLine, Host, MediaFile
from pycore.document import History, selected_clip, with_player, with_track_edit
from pycore.framing.keyframes import eased
from pycore.framing.path import points_of
from pycore.framing.wanted import wanted_path
from pycore.protocol import (
    Analyse,
    Analysis,
    AnalysisFailed,
    AnalysisFinished,
    AnalysisProgress,
    AnalysisState,
    AnalystEvent,
    AnalystReady,
    AnalystTrouble,
    ChoosePlayer,
    Clip,
    DecodeError,
    Event,
    Follow,
    Followed,
    Joined,
    JoinTracks,
    PathChanged,
    PathPlanned,
    PathPoint,
    Problem,
    Project,
    Rect,
    ReelError,
    Relink,
    Scene,
    SplitAt,
    SplitTrack,
    StopAnalysing,
    StopFollowing,
    TrackColumns,
    TrackEdit,
    Tracking,
    TracksChanged,
    decode,
    encode,
)
from pycore.tasks import Tasks

_HINT = "Click a player in Field, or look for all players."
_ANSWER_US = 400_000
"""How far from the clicked moment the clicked player may be found."""


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
    ) -> None:
        self._host, self._tasks = host, tasks
        self._changed, self._on_problem = changed, on_problem
        self._edit, self._show = edit, show
        self._line: AnalystLine | None = None
        self._forget()

    def _forget(self) -> None:
        self.analysis = Analysis(message=_HINT)
        self.path: list[PathPoint] = []
        self.subject: list[PathPoint] = []
        self._history: History | None = None
        self._file: MediaFile | None = None
        self._tracking: Tracking | None = None
        self._tracks: list[TrackColumns] = []
        self._edits: list[TrackEdit] | None = None
        self._pending: ChoosePlayer | None = None
        self._following = False
        self._in_flight = False
        self._started = 0.0
        self._planned = ""

    # the medium

    def open(self, history: History, file: MediaFile) -> None:
        """Another medium is at hand; what was found in it before is taken up."""
        self.close()
        self._history, self._file = history, file
        self._tasks.start(self._recall(), "reading what was found before")

    def close(self) -> None:
        """The medium is closed."""
        if self._line is not None:
            self._line.close()
            self._line = None
        revision = self.analysis.revision
        self._forget()
        self.analysis = replace(self.analysis, revision=revision + 1)
        self._tell(PathChanged([], []))
        self._show([], [], None)

    def take_up(self, history: History) -> None:
        """The document of the same medium was exchanged for the stored one."""
        self._history = history
        self.document_changed()

    async def _recall(self) -> None:
        history = self._history
        if history is None:
            return
        text = await self._host.store.get(_key(history.present))
        if text is None or self._history is not history or self._tracking is not None:
            return
        try:
            tracking = decode(Tracking, json.loads(text), "stored tracks")
        except (DecodeError, ValueError):
            return  # of another version: the clip can be analysed again
        self._found(tracking)

    def document_changed(self) -> None:
        """Corrections, choice or framing may be other ones."""
        if self._history is None:
            return
        self._correct()
        self._plan()

    # commands

    def start(self) -> None:
        """Raises ReelError `analysis.unavailable`."""
        history, file = self._opened()
        if self.analysis.state in (AnalysisState.STARTING, AnalysisState.RUNNING):
            return
        media = selected_clip(history.present).media
        self._started = self._host.now()
        self._set(state=AnalysisState.STARTING, progress=0.0, seconds_left=None, problem=None)
        self._set(message="Starting")
        self._ask(Analyse(media.size, media.duration_us), {"file": file.handle})

    def cancel(self) -> None:
        if self.analysis.state in (AnalysisState.STARTING, AnalysisState.RUNNING):
            self._ask(StopAnalysing())
            self._unfollow()
            self._pending = None
            state = AnalysisState.DONE if self._tracking else AnalysisState.NONE
            self._set(state=state, message=self._summary(), waiting=False, progress=0.0, seconds_left=None)

    def choose(self, command: ChoosePlayer) -> None:
        """Raises ReelError `players.unknown`, `players.nobody`, `analysis.unavailable`."""
        history, _ = self._opened()
        clip = selected_clip(history.present)
        if command.x is None or command.y is None:
            if command.track_id and not any(track.id == command.track_id for track in self._tracks):
                raise players.unknown(command.track_id)
            self._edit(lambda project: with_player(project, command.track_id))
        elif self._tracking is not None:
            times = self._tracking.times_us
            found = players.at_point(self._tracks, times, command.x, command.y, command.time_us)
            if not found:
                hint = "Click nearer to a player, or go to a moment in which the player is seen."
                raise ReelError.of("players.nobody", "Nobody was found there", hint=hint, status=404)
            self._edit(lambda project: with_player(project, found))
        else:
            self.start()
            self._pending = command
            self._following, self._in_flight = True, False
            self._ask(Follow(command.x, command.y, _scene(clip), clip.framing))
            self._set(waiting=True)

    def relink(self, command: Relink) -> None:
        """Raises ReelError `players.unknown`, `players.none-chosen`."""
        tracking, clip = self._analysed()
        if not clip.track_id:
            hint = "Choose a player first."
            raise ReelError.of("players.none-chosen", "No player is chosen", hint=hint, status=409)
        edit = players.relinked(
            tracking, clip.track_edits, clip.track_id, command.x, command.y, command.time_us
        )
        self._edit(lambda project: with_track_edit(project, edit))

    def split(self, command: SplitTrack) -> None:
        """Raises ReelError `players.unknown`, `players.no-split`."""
        tracking, clip = self._analysed()
        if not any(track.id == command.track_id for track in self._tracks):
            raise players.unknown(command.track_id)
        number = players.new_id(tracking.tracks, clip.track_edits)
        edit = SplitAt(command.track_id, command.time_us, number)
        if len(players.corrected(tracking, [*clip.track_edits, edit])) == len(self._tracks):
            hint = "Go to a moment at which the player has been seen before and is seen later."
            raise ReelError.of("players.no-split", "There is nothing to split here", hint=hint, status=409)
        self._edit(lambda project: with_track_edit(project, edit))

    def join(self, command: JoinTracks) -> None:
        """Raises ReelError `players.unknown`."""
        self._analysed()
        for track_id in (command.track_id, command.other_id):
            if not any(track.id == track_id for track in self._tracks):
                raise players.unknown(track_id)
        edit = Joined(command.track_id, command.other_id)
        chosen = command.track_id
        self._edit(
            lambda project: with_track_edit(
                with_player(project, chosen)
                if selected_clip(project).track_id == command.other_id
                else project,
                edit,
            )
        )

    # frames

    def frame(self, frame: Frame, time_us: int) -> None:
        """A frame that is on its way to Reel: followed in, if somebody is followed and the last one is
        done."""
        if self._following and not self._in_flight and self._line is not None:
            self._in_flight = True
            self._line.frame(frame, time_us)

    # the worker

    def _ask(self, request: Any, attachments: dict[str, Any] | None = None) -> None:
        if self._line is None:
            self._line = self._host.analyst(self._hear, self._died)
        if self._line is None:
            self._set(state=AnalysisState.FAILED, message="Players cannot be looked for here.")
            raise ReelError.of("analysis.unavailable", "Players cannot be looked for here", status=501)
        self._line.ask(encode(request), attachments)

    def _died(self, reason: str) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        hint = "Try again; reload the page if that does not help."
        problem = Problem("analysis.worker", "The analysis stopped", reason, hint, 500)
        self._unfollow()
        if self.analysis.state in (AnalysisState.STARTING, AnalysisState.RUNNING):
            self._fail(problem)
        else:
            self._on_problem(problem)

    def _hear(self, message: dict[str, Any]) -> None:
        event: AnalystEvent = decode(AnalystEvent, message, "event")
        match event:
            case AnalystReady(processor):
                self._set(processor=processor)
            case AnalysisProgress():
                self._progressed(event)
            case AnalysisFinished(tracking):
                self._finished(tracking)
            case AnalysisFailed(problem):
                self._fail(problem)
            case Followed():
                self._followed(event)
            case PathPlanned(key, crop, subject):
                if key == self._planned:
                    self._show_path(crop, subject)
            case AnalystTrouble(problem):
                self._unfollow()
                self._on_problem(problem)
            case _:
                assert_never(event)

    def _progressed(self, event: AnalysisProgress) -> None:
        if self.analysis.state not in (AnalysisState.STARTING, AnalysisState.RUNNING):
            return
        if not event.frames:
            self._set(state=AnalysisState.STARTING, message=event.message)
            return
        if self.analysis.state is AnalysisState.STARTING:
            self._started = self._host.now()
        spent = self._host.now() - self._started
        left = spent / event.progress * (1 - event.progress) if event.progress > 0.02 and spent > 1 else None
        message = event.message or "Looking for players"
        self._set(state=AnalysisState.RUNNING, progress=event.progress, seconds_left=left, message=message)

    def _finished(self, tracking: Tracking) -> None:
        if self._history is None:
            return
        pending, self._pending = self._pending, None
        self._unfollow()
        self._found(tracking)
        text = json.dumps(encode(tracking), allow_nan=False)
        self._tasks.start(self._host.store.put(_key(self._history.present), text), "keeping what was found")
        if pending is not None:
            self._resolve(pending)

    def _resolve(self, pending: ChoosePlayer) -> None:
        """Chooses whom a click meant that was made before the tracks were there."""
        assert self._tracking is not None
        assert pending.x is not None
        assert pending.y is not None
        times = self._tracking.times_us
        moments = sorted(
            (time for time in times if abs(time - pending.time_us) <= _ANSWER_US),
            key=lambda time: abs(time - pending.time_us),
        )
        for time in [pending.time_us, *moments]:
            found = players.at_point(self._tracks, times, pending.x, pending.y, time)
            if found:
                self._edit(partial(with_player, track_id=found))
                return
        hint = "The boxes show who was found: click one of them."
        self._on_problem(Problem("players.nobody", "Nobody was found where you clicked", "", hint, 404))

    def _found(self, tracking: Tracking) -> None:
        self._tracking = tracking
        self._edits = None
        self._correct()
        self._set(
            state=AnalysisState.DONE,
            progress=1.0,
            seconds_left=None,
            waiting=False,
            problem=None,
            message=self._summary(),
        )
        self._plan()

    def _fail(self, problem: Problem) -> None:
        self._pending = None
        self._unfollow()
        self._set(
            state=AnalysisState.FAILED,
            problem=problem,
            message=str(problem),
            waiting=False,
            seconds_left=None,
        )

    # what follows from the tracks

    def _correct(self) -> None:
        """Applies the document's corrections, where they are other ones than before."""
        if self._tracking is None or self._history is None:
            return
        clip = selected_clip(self._history.present)
        if clip.track_edits == self._edits:
            return
        self._edits = clip.track_edits
        self._tracks = players.corrected(self._tracking, clip.track_edits)
        revision = self.analysis.revision + 1
        told = players.players(self._tracks, self._tracking, clip.media.duration_us)
        self._set(players=told, revision=revision)
        self._tell(TracksChanged(revision, self._tracking.times_us, self._tracks))

    def _plan(self) -> None:
        """Asks for the crop's path, where what it depends on has changed."""
        if self._history is None:
            return
        clip = selected_clip(self._history.present)
        tracking = self._tracking
        player = next((track for track in self._tracks if track.id == clip.track_id), None)
        follows = clip.framing.follow and player is not None
        if tracking is None or not follows:
            self._planned = ""
            crop = eased(clip.keyframes)
            subject = [] if tracking is None or player is None else points_of(player, tracking.times_us)
            if (crop, subject) != (self.path, self.subject):
                self._show_path(crop, subject)
            return
        what = (clip.track_id, clip.framing, clip.keyframes, _scene(clip), self.analysis.revision)
        key = repr(what)
        if key == self._planned:
            return
        self._planned = key
        plan = wanted_path(key, tracking, player, _scene(clip), clip.framing, clip.keyframes)
        try:
            self._ask(plan)
        except ReelError as error:
            self._on_problem(error.problem)

    def _show_path(self, crop: list[PathPoint], subject: list[PathPoint]) -> None:
        self.path, self.subject = crop, subject
        self._tell(PathChanged(crop, subject))
        self._show(crop, subject, None)

    def _followed(self, event: Followed) -> None:
        self._in_flight = False
        if not self._following:
            return
        self._tell(event)
        self._show([], [], event.crop)

    def _unfollow(self) -> None:
        if not self._following:
            return
        self._following = self._in_flight = False
        if self._line is not None:
            self._line.ask(encode(StopFollowing()))
        self._show(self.path, self.subject, None)

    # small things

    def _opened(self) -> tuple[History, MediaFile]:
        if self._history is None or self._file is None:
            raise ReelError.of("media.none", "No video is open", hint="Open a video first.", status=409)
        return self._history, self._file

    def _analysed(self) -> tuple[Tracking, Clip]:
        history, _ = self._opened()
        if self._tracking is None:
            hint = "Look for players first."
            raise ReelError.of("players.none", "No players are known yet", hint=hint, status=409)
        return self._tracking, selected_clip(history.present)

    def _summary(self) -> str:
        if self._tracking is None:
            return _HINT
        count = len(self._tracks)
        if not count:
            return "Nobody was found in this clip."
        return f"{count} {'player was' if count == 1 else 'players were'} found. Click one."

    def _set(self, **changes: Any) -> None:
        after = replace(self.analysis, **changes)
        if after != self.analysis:
            self.analysis = after
            self._changed()

    def _tell(self, event: Event) -> None:
        self._host.post({"event": encode(event)})


def _scene(clip: Clip) -> Scene:
    return Scene(clip.media.size, clip.crop.width / clip.crop.height, clip.crop)


def _key(project: Project) -> str:
    media = selected_clip(project).media
    return f"tracks:{media.name}|{media.bytes}|{media.size.width}x{media.size.height}|{media.duration_us}"
