"""Following the clicked player live, until the clip is analysed: one frame at a time goes to the analysis
worker."""

from collections.abc import Callable
from typing import Any

from pycore.analysing.crop_path import scene
from pycore.backends.gpu import Frame
from pycore.backends.host import AnalystLine
from pycore.protocol import ChoosePlayer, Clip, Follow, Followed, StopFollowing, encode


class Live:
    """`line()`: the analysis worker, None while there is none."""

    def __init__(self, line: Callable[[], AnalystLine | None], ask: Callable[[Any], None]) -> None:
        self._line, self._ask = line, ask
        self.following = False
        self._in_flight = False

    def follow(self, click: ChoosePlayer, clip: Clip) -> None:
        assert click.x is not None
        assert click.y is not None
        self.following, self._in_flight = True, False
        self._ask(Follow(click.x, click.y, scene(clip), clip.framing))

    def frame(self, frame: Frame, time_us: int) -> None:
        """Sent on if somebody is followed and the last one is done."""
        line = self._line()
        if self.following and not self._in_flight and line is not None:
            self._in_flight = True
            line.frame(frame, time_us)

    def followed(self, event: Followed) -> bool:
        """Whether it is about somebody who is followed still."""
        self._in_flight = False
        return self.following

    def stop(self) -> bool:
        """Whether somebody was followed."""
        was, self.following, self._in_flight = self.following, False, False
        line = self._line()
        if was and line is not None:
            line.ask(encode(StopFollowing()))
        return was
