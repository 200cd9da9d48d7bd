"""Who is where in a clip: the tracks, what a person corrected in them, and what is told of the players."""

from dataclasses import dataclass, field
from typing import Literal

from pycore.protocol.geometry import Rect, Size


@dataclass(frozen=True, slots=True)
class TrackColumns:
    """One player over the clip, as columns with one entry for each frame in which the player is known.

    `frames`: rising indices into Tracking.times_us. `boxes`: x, y, width, height of each, one after the
    other, in display pixels. `scores`: 0 to 1, 0 where guessed. `sights`: 0 seen, 1 weak, 2 guessed (see
    pycore.tracking.Sight). `team`: players of one kit have the same number from 0; -1 where it cannot be
    told. `color`: the kit's, "#rrggbb", or "".
    """

    id: str
    frames: list[int]
    boxes: list[float]
    scores: list[float]
    sights: list[int]
    team: int = -1
    color: str = ""


@dataclass(frozen=True, slots=True)
class Tracking:
    """What an analysis of a medium found, in the browser or on the server. Corrections are not in it: see
    Clip.track_edits.

    `size`: the medium's display size. `times_us`: the analysed frames' times, rising. `cuts`: indices of
    the frames that begin a new shot. `made_by`: net and processor, for people.
    """

    size: Size
    times_us: list[int]
    cuts: list[int] = field(default_factory=list)
    tracks: list[TrackColumns] = field(default_factory=list)
    ball: TrackColumns | None = None
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class SplitAt:
    """From `time_us` on, the track is another player, whose id is `new_id`."""

    track_id: str
    time_us: int
    new_id: str
    type: Literal["split-at"] = "split-at"


@dataclass(frozen=True, slots=True)
class Joined:
    """`other_id` is the same player as `track_id`, and goes by that id. Where both have a box, `track_id`'s
    stays."""

    track_id: str
    other_id: str
    type: Literal["joined"] = "joined"


@dataclass(frozen=True, slots=True)
class Swapped:
    """From `time_us` on, the two tracks are each other."""

    track_id: str
    other_id: str
    time_us: int
    type: Literal["swapped"] = "swapped"


@dataclass(frozen=True, slots=True)
class Placed:
    """A person says that the player is in `box` at `time_us`, where the analysis found nobody."""

    track_id: str
    time_us: int
    box: Rect
    type: Literal["placed"] = "placed"


TrackEdit = SplitAt | Joined | Swapped | Placed
"""One correction; a clip's are applied in their order."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time [from_us, to_us) of a player: `sight` 0 seen, 1 weak, 2 guessed, -1 lost."""

    from_us: int
    to_us: int
    sight: int


@dataclass(frozen=True, slots=True)
class Player:
    """One player for the list and the timeline. `spans` cover the medium from beginning to end.
    `portrait_us` and `portrait`: when and where the player is seen best. `seen`: share of the medium in
    which the player is seen."""

    id: str
    team: int
    color: str
    spans: list[Span]
    portrait_us: int
    portrait: Rect
    seen: float
