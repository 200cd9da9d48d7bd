"""From what is seen in a clip's pictures, one after the other, to the document of who is where: the same in
browser and server."""

from dataclasses import replace

from pycore.protocol import Size, Tracking
from pycore.tracking.ball import ball_track
from pycore.tracking.clip import ClipSettings, ClipTracker
from pycore.tracking.columns import tracking_of
from pycore.tracking.cuts import CutDetector
from pycore.tracking.types import Detections, Floats


class ClipFollower:
    """Call `add` once a picture, in order, then `tracking`. rate: pictures a second that are looked at."""

    def __init__(self, size: Size, rate: float) -> None:
        self.times_us: list[int] = []
        self._size, self._rate = size, rate
        self._tracker = ClipTracker(ClipSettings().at_rate(rate))
        self._cutter = CutDetector()
        self._cuts: list[int] = []
        self._balls: list[Detections] = []

    def add(self, time_us: int, people: Detections, ball: Detections, glimpse: Floats) -> None:
        """people, with kit histograms as features, and candidates for the ball, in display pixels; the
        picture's `cuts.glimpse`."""
        cut = self._cutter.update(glimpse)
        if cut:
            self._cuts.append(len(self.times_us))
        self._tracker.add(people, cut=cut)
        self.times_us.append(time_us)
        self._balls.append(ball)

    def tracking(self, made_by: str) -> Tracking:
        """Linked with look-ahead over all pictures so far."""
        # A short clip, or one looked at sparsely, has few sightings of anybody.
        shots = len(self._cuts) + 1
        usual = max(2, round(self._tracker.settings.shortest * min(self._rate / 25, 1)))
        shortest = min(usual, max(1, len(self.times_us) // (2 * shots)))
        self._tracker.settings = replace(self._tracker.settings, shortest=shortest)
        return tracking_of(
            self._tracker.tracks(),
            self.times_us,
            self._size,
            self._cuts,
            made_by,
            ball_track(self._balls, self._size.width, self._rate, self._cuts),
        )
