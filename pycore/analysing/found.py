"""What an analysis found in the open medium, with the document's corrections, and the edits of the document
that a person's words about players stand for."""

import json
from collections.abc import Callable

from pycore import players
from pycore.backends.host import Store
from pycore.document import selected_clip, with_player, with_track_edit
from pycore.protocol import (
    ChoosePlayer,
    Clip,
    DecodeError,
    Joined,
    JoinTracks,
    Player,
    Project,
    ReelError,
    Relink,
    SplitAt,
    SplitTrack,
    TrackColumns,
    TrackEdit,
    Tracking,
    decode,
    encode,
)

Edit = Callable[[Project], Project]

_ANSWER_US = 400_000
"""How far from the clicked moment the clicked player may be found."""


class Found:
    """`tracks` and `players` are corrected; `revision` changes with them. `tracking` None: nobody has looked
    yet."""

    def __init__(self, revision: int = 0) -> None:
        self.tracking: Tracking | None = None
        self.tracks: list[TrackColumns] = []
        self.players: list[Player] = []
        self.revision = revision
        self._edits: list[TrackEdit] | None = None

    def take(self, tracking: Tracking, clip: Clip) -> None:
        self.tracking = tracking
        self._edits = None
        self.correct(clip)

    def correct(self, clip: Clip) -> bool:
        """Applies the clip's corrections; whether they are other ones than before."""
        if self.tracking is None or clip.track_edits == self._edits:
            return False
        self._edits = clip.track_edits
        self.tracks = players.corrected(self.tracking, clip.track_edits)
        self.players = players.players(self.tracks, self.tracking, clip.media.duration_us)
        self.revision += 1
        return True

    def track(self, track_id: str) -> TrackColumns | None:
        return next((track for track in self.tracks if track.id == track_id), None)

    def check(self, track_id: str) -> None:
        """Raises ReelError `players.unknown`."""
        if self.track(track_id) is None:
            raise players.unknown(track_id)

    def at(self, x: float, y: float, time_us: int) -> str:
        """Whom a click means in the frame at that moment, "" for nobody."""
        times = [] if self.tracking is None else self.tracking.times_us
        return players.at_point(self.tracks, times, x, y, time_us)

    def around(self, click: ChoosePlayer) -> str:
        """Whom a click meant that was made before anybody was known: at its moment, or soon before or
        after."""
        assert click.x is not None
        assert click.y is not None
        times = [] if self.tracking is None else self.tracking.times_us
        away = sorted((abs(time - click.time_us), time) for time in times)
        moments = [time for apart, time in away if apart <= _ANSWER_US]
        found = (self.at(click.x, click.y, time) for time in [click.time_us, *moments])
        return next(filter(None, found), "")

    # corrections

    def relink(self, clip: Clip, command: Relink) -> Edit:
        """Raises ReelError `players.none`, `players.none-chosen`, `players.unknown`."""
        tracking = self._known()
        if not clip.track_id:
            hint = "Choose a player first."
            raise ReelError.of("players.none-chosen", "No player is chosen", hint=hint, status=409)
        edit = players.relinked(
            tracking, clip.track_edits, clip.track_id, command.x, command.y, command.time_us
        )
        return lambda project: with_track_edit(project, edit)

    def split(self, clip: Clip, command: SplitTrack) -> Edit:
        """Raises ReelError `players.none`, `players.unknown`, `players.no-split`."""
        tracking = self._known()
        self.check(command.track_id)
        number = players.new_id(tracking.tracks, clip.track_edits)
        edit = SplitAt(command.track_id, command.time_us, number)
        if len(players.corrected(tracking, [*clip.track_edits, edit])) == len(self.tracks):
            hint = "Go to a moment at which the player has been seen before and is seen later."
            raise ReelError.of("players.no-split", "There is nothing to split here", hint=hint, status=409)
        return lambda project: with_track_edit(project, edit)

    def join(self, command: JoinTracks) -> Edit:
        """Raises ReelError `players.none`, `players.unknown`."""
        self._known()
        self.check(command.track_id)
        self.check(command.other_id)

        def joined(project: Project) -> Project:
            if selected_clip(project).track_id == command.other_id:
                project = with_player(project, command.track_id)
            return with_track_edit(project, Joined(command.track_id, command.other_id))

        return joined

    def _known(self) -> Tracking:
        if self.tracking is None:
            hint = "Look for players first."
            raise ReelError.of("players.none", "No players are known yet", hint=hint, status=409)
        return self.tracking


async def recall(store: Store, project: Project) -> Tracking | None:
    """What was found in this medium before, as this browser keeps it."""
    text = await store.get(_key(project))
    try:
        return None if text is None else decode(Tracking, json.loads(text), "stored tracks")
    except (DecodeError, ValueError):
        return None  # of another version: the clip can be analysed again


async def keep(store: Store, project: Project, tracking: Tracking) -> None:
    await store.put(_key(project), json.dumps(encode(tracking), allow_nan=False))


def _key(project: Project) -> str:
    media = selected_clip(project).media
    return f"tracks:{media.name}|{media.bytes}|{media.size.width}x{media.size.height}|{media.duration_us}"
