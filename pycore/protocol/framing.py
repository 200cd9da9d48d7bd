"""How a clip is framed and its player marked: settings, keyframes, and paths of boxes over time."""

from dataclasses import dataclass
from enum import StrEnum

from pycore.protocol.geometry import Rect


class Aspect(StrEnum):
    """The reel's shape, width:height. FREE keeps whatever the crop is."""

    PORTRAIT = "9:16"
    SQUARE = "1:1"
    TALL = "4:5"
    WIDE = "16:9"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class PathPoint:
    """A box at a moment of the medium; between two points all four numbers change linearly with time, before
    the first and after the last they stay. Times rise strictly: a jump is two points a microsecond apart.

    Used for crop paths and for the player's boxes. A box of no width or height says that there is nothing to
    see from its moment to the next point's (never in a crop path).
    """

    time_us: int
    rect: Rect


@dataclass(frozen=True, slots=True)
class Keyframe:
    """The crop at that moment is exactly this, whatever the player does."""

    time_us: int
    crop: Rect


class SpotlightStyle(StrEnum):
    """LABEL is the name alone."""

    NONE = "none"
    RING = "ring"
    DIM = "dim"
    ARROW = "arrow"
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class Spotlight:
    """How the player is marked. `label`: a name to write above the player with any style but NONE ("": none).
    `color`: "#rrggbb". `strength`: 0 (not to be seen) to 1."""

    style: SpotlightStyle = SpotlightStyle.NONE
    label: str = ""
    color: str = "#ffd21f"
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Framing:
    """How the crop follows the player.

    `follow`: with a player chosen, the crop follows; else it stays, or goes from keyframe to keyframe.
    `player_share`: the player's height as a share of the crop's, 0.05 to 0.9. `smoothness`: 0 (with every
    step) to 1 (as still as the player allows). `margin`: room kept around the player's box, as a share of the
    box's height, 0 to 1. `ball`: how strongly the ball draws the crop, 0 to 1.
    """

    follow: bool = True
    player_share: float = 0.3
    smoothness: float = 0.6
    margin: float = 0.1
    ball: float = 0.3


@dataclass(frozen=True, slots=True)
class FramingPreset:
    """A way to frame that people choose by its `label`; `note` says what for."""

    name: str
    label: str
    note: str
    framing: Framing
