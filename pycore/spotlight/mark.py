"""What is drawn around the player in one frame, as numbers: the same for the preview's shader
(spotlight.wgsl), the server and the reference (drawing.py). All is sized by the player's height, so that it
looks the same at every zoom."""

from collections.abc import Sequence
from dataclasses import dataclass

from pycore.framing.path import Path, visible
from pycore.protocol import PathPoint, Rect, ReelError, Spotlight, SpotlightStyle
from pycore.spotlight.font import SPREAD, Text, set_text

STYLES = {
    SpotlightStyle.NONE: 0,
    SpotlightStyle.RING: 1,
    SpotlightStyle.DIM: 2,
    SpotlightStyle.ARROW: 3,
    SpotlightStyle.LABEL: 4,
}

FADE_US = 200_000
"""How long the mark takes to come and go where the player is found and lost."""

_ARROW_GAP = 0.06
_ARROW_HEIGHT = 0.2
_LABEL_GAP = 0.08
_CAPITAL = 0.13
_LEAST_CAPITAL = 0.028  # of the crop's height, to be legible
_MOST_CAPITAL = 0.04  # likewise, to be no more than a label
_BELOW_GAP = 0.17  # under the feet and the ring, where there is no room above the head
_WIDEST_PLATE = 0.92  # of the crop's width

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """Places in display pixels from the crop's top left corner. `style`: see STYLES; `color`: 0 to 1;
    `opacity`: 0 to 1; `feet`: the middle of the box's lower side; `centre`: the box's; `tip`: the arrow's;
    `plate`: x, y, width, height of what is behind the name; `line`: the name, or None; `start`: where its
    picture's top left corner lies; `letter`: display pixels of one of its pixels, `capital` of its H's
    height."""

    style: int
    color: tuple[float, float, float]
    opacity: float
    height: float
    feet: Pair
    centre: Pair
    tip: Pair
    plate: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    line: Text | None = None
    start: Pair = (0.0, 0.0)
    letter: float = 1.0
    capital: float = 1.0


class Marker:
    """A clip's spotlight: where its player is, and what to draw there."""

    def __init__(self, spotlight: Spotlight, subject: Sequence[PathPoint]) -> None:
        """Raises ReelError `spotlight.color` and `spotlight.strength`."""
        check(spotlight)
        self._spotlight = spotlight
        self._path = Path(subject)
        self._color = _color(spotlight.color)
        self._line = set_text(spotlight.label)
        self._changes = self._path.changes_us()
        shown = spotlight.style is not SpotlightStyle.NONE and spotlight.strength > 0
        self.draws = shown and any(visible(box) for box in self._path.rects())
        """Whether there is ever anything to draw."""

    def mark(self, time_us: int, crop: Rect) -> Mark | None:
        """What to draw in the frame of that moment, whose crop that is; None: nothing."""
        box = self._path.at(time_us) if self.draws else None
        if box is None:
            return None
        return _mark(self._spotlight, self._color, self._line, box, crop, self._opacity(time_us))

    def _opacity(self, time_us: int) -> float:
        faded = 1.0
        if self._changes:
            # A visible run ends a microsecond before its hole begins
            nearest = min(abs(change - time_us) for change in self._changes)
            faded = min(1.0, (nearest + 1) / FADE_US)
        return self._spotlight.strength * faded


def check(spotlight: Spotlight) -> None:
    """Raises ReelError `spotlight.color` where that is none, `spotlight.strength` where that is out of
    range."""
    digits = spotlight.color[1:]
    if not (
        spotlight.color.startswith("#")
        and len(digits) == 6
        and all(digit in "0123456789abcdefABCDEF" for digit in digits)
    ):
        raise ReelError.of(
            "spotlight.color",
            "The spotlight's colour is none",
            f"{spotlight.color[:40]!r} was given.",
            'Give red, green and blue as in "#ffd21f".',
            422,
        )
    if not 0 <= spotlight.strength <= 1:
        raise ReelError.of(
            "spotlight.strength",
            "The spotlight's strength is out of range",
            f"{spotlight.strength} was given.",
            "Give a number from 0 to 1.",
            422,
        )


def _color(text: str) -> tuple[float, float, float]:
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _mark(
    spotlight: Spotlight,
    color: tuple[float, float, float],
    line: Text | None,
    box: Rect,
    crop: Rect,
    opacity: float,
) -> Mark:
    x, y = box.x - crop.x, box.y - crop.y
    middle, tall = x + box.width / 2, box.height
    plain = Mark(
        style=STYLES[spotlight.style],
        color=color,
        opacity=opacity,
        height=tall,
        feet=(middle, y + tall),
        centre=(middle, y + tall / 2),
        tip=(middle, y - _ARROW_GAP * tall),
    )
    inside = 0 <= middle <= crop.width and 0 <= y + tall / 2 <= crop.height
    if line is None or not inside:
        return plain
    above = _LABEL_GAP * tall
    if spotlight.style is SpotlightStyle.ARROW:
        above += (_ARROW_GAP + _ARROW_HEIGHT) * tall
    return _labelled(plain, line, y - above, crop)


def _labelled(mark: Mark, line: Text, bottom: float, crop: Rect) -> Mark:
    """With the name above the player, or as near to that as the crop lets it be."""
    letters = line.width - 2 * SPREAD
    capital = min(max(_CAPITAL * mark.height, _LEAST_CAPITAL * crop.height), _MOST_CAPITAL * crop.height)
    per_capital = letters / line.capital + 1.2  # the plate's width
    capital = min(capital, _WIDEST_PLATE * crop.width / per_capital)
    width, height = per_capital * capital, 2.0 * capital
    rim = (1 - _WIDEST_PLATE) / 2 * crop.width
    left = min(max(mark.feet[0] - width / 2, rim), max(crop.width - rim - width, rim))
    top, below = bottom - height, mark.feet[1] + _BELOW_GAP * mark.height
    if top < rim and below + height <= crop.height - rim:
        top = below  # rather than over the face
    top = min(max(top, rim), max(crop.height - rim - height, 0.0))
    letter = capital / line.capital
    return Mark(
        style=mark.style,
        color=mark.color,
        opacity=mark.opacity,
        height=mark.height,
        feet=mark.feet,
        centre=mark.centre,
        tip=mark.tip,
        plate=(left, top, width, height),
        line=line,
        start=(left + 0.6 * capital - SPREAD * letter, top + 1.5 * capital - line.baseline * letter),
        letter=letter,
        capital=capital,
    )
