"""How the crop goes along with the chosen player, or from keyframe to keyframe: planned by the analysis
worker, anew whenever what it depends on has changed."""

from collections.abc import Callable

from pycore.analysing.found import Found
from pycore.framing.keyframes import eased
from pycore.framing.path import points_of
from pycore.framing.wanted import wanted_path
from pycore.protocol import Clip, PathPlanned, PathPoint, PlanPath, Problem, ReelError, Scene


class CropPath:
    """`ask` sends to the worker (ReelError where there is none), `changed()` is called with each other
    path."""

    def __init__(
        self,
        ask: Callable[[PlanPath], None],
        changed: Callable[[], None],
        on_problem: Callable[[Problem], None],
    ) -> None:
        self._ask, self._changed, self._on_problem = ask, changed, on_problem
        self.forget()

    def forget(self) -> None:
        self.path: list[PathPoint] = []
        self.subject: list[PathPoint] = []
        self._asked = ""

    def plan(self, clip: Clip, found: Found) -> None:
        tracking, player = found.tracking, found.track(clip.track_id)
        if tracking is None or player is None or not clip.framing.follow:
            self._asked = ""
            crop = eased(clip.keyframes)
            subject = [] if tracking is None or player is None else points_of(player, tracking.times_us)
            if (crop, subject) != (self.path, self.subject):
                self._show(crop, subject)
            return
        key = repr((clip.track_id, clip.framing, clip.keyframes, scene(clip), found.revision))
        if key == self._asked:
            return
        self._asked = key
        try:
            self._ask(wanted_path(key, tracking, player, scene(clip), clip.framing, clip.keyframes))
        except ReelError as error:
            self._on_problem(error.problem)

    def planned(self, event: PathPlanned) -> None:
        if event.key == self._asked:
            self._show(event.crop, event.subject)

    def _show(self, crop: list[PathPoint], subject: list[PathPoint]) -> None:
        self.path, self.subject = crop, subject
        self._changed()


def scene(clip: Clip) -> Scene:
    """What the clip's crop moves in."""
    return Scene(clip.media.size, clip.crop.width / clip.crop.height, clip.crop)
