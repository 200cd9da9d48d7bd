"""A clip's title: a line of text low in the picture while the clip begins, on the same plate as names."""

from pycore.protocol import Size
from pycore.spotlight.font import SPREAD, set_text
from pycore.spotlight.mark import Mark

SHOWN_US = 2_800_000
"""How long a title is to be seen, fading included; longer where the first frame stands still longer."""
FADE_US = 350_000
_COLOR = (1.0, 0.82, 0.12)
_CAPITAL = 0.03  # of the longer side
_WIDEST = 0.86
_LOW = 0.84  # of the height: the plate's middle


def title_mark(text: str, size: Size, time_us: int, freeze_us: int = 0) -> Mark | None:
    """What to draw `time_us` after the clip's beginning, in pixels of a result of that size; None:
    nothing."""
    line = set_text(text)
    shown = max(SHOWN_US, freeze_us)
    opacity = min(1.0, (time_us + FADE_US / 4) / FADE_US, (shown - time_us) / FADE_US)
    if line is None or opacity <= 0:
        return None
    letters = line.width - 2 * SPREAD
    per_capital = letters / line.capital + 1.2
    capital = min(_CAPITAL * max(size.width, size.height), _WIDEST * size.width / per_capital)
    width, height = per_capital * capital, 2.0 * capital
    left, top = (size.width - width) / 2, _LOW * size.height - height / 2
    letter = capital / line.capital
    middle = (size.width / 2, _LOW * size.height)
    return Mark(
        style=0,
        color=_COLOR,
        opacity=opacity,
        height=height,
        feet=middle,
        centre=middle,
        tip=middle,
        plate=(left, top, width, height),
        line=line,
        start=(left + 0.6 * capital - SPREAD * letter, top + 1.5 * capital - line.baseline * letter),
        letter=letter,
        capital=capital,
    )
