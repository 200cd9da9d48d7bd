"""What the export, or having the players found, would take on the server: asked whenever clip or output
change, no more often than needed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from pycore.backends.host import Host
from pycore.document import selected_clip
from pycore.framing.crop import snap
from pycore.framing.path import Path
from pycore.framing.placing import window_size
from pycore.protocol import (
    Clip,
    Estimate,
    EstimateClip,
    EstimateRequest,
    PathPoint,
    Problem,
    Project,
    Rect,
    ReelError,
    TrackingEstimateRequest,
)
from pycore.server_client import is_unreachable
from pycore.tasks import Tasks

R = TypeVar("R", EstimateRequest, TrackingEstimateRequest)

NO_PATHS: Mapping[str, Sequence[PathPoint]] = {}

_SETTLE_S = 0.15
"""How long clip and output must stay as they are before the server is asked: a drag asks once."""


def estimate_request(
    project: Project, paths: Mapping[str, Sequence[PathPoint]] = NO_PATHS
) -> EstimateRequest:
    """`paths`: how crops move, by the clips' ids."""
    clips = [
        EstimateClip(
            clip.out_us - clip.in_us, clip.media.fps, _worked_on(clip, paths.get(clip.id, ())), clip.slow
        )
        for clip in project.clips
    ]
    return EstimateRequest(clips, project.output.size, project.output.model)


def _worked_on(clip: Clip, path: Sequence[PathPoint]) -> Rect:
    """What goes through the net: the crop, or the window that a moving one needs."""
    if not Path(path).moves:
        return path[0].rect if path else export_crop(clip)
    window = window_size([point.rect for point in path], clip.media.size)
    return Rect(0.0, 0.0, float(window.width), float(window.height))


def export_crop(clip: Clip) -> Rect:
    """The crop as an export is asked for: the whole pixels that the preview shows."""
    return Rect(*(float(side) for side in snap(clip.crop, clip.media.size)))


def tracking_request(project: Project) -> TrackingEstimateRequest:
    """Of the selected clip's whole medium."""
    media = selected_clip(project).media
    return TrackingEstimateRequest(media.size, media.duration_us, media.fps)


class Estimator(Generic[R]):
    """Keeps `estimates` those of the request last given to `want`, as `ask` answers. A refusal by the server
    goes to `on_problem`, once each."""

    def __init__(
        self,
        host: Host,
        ask: Callable[[R], Awaitable[list[Estimate]]],
        tasks: Tasks,
        changed: Callable[[], None],
        on_problem: Callable[[Problem], None],
    ) -> None:
        self._host = host
        self._server_says = ask
        self._tasks = tasks
        self._changed = changed
        self._on_problem = on_problem
        self._wanted: R | None = None
        self._answered: R | None = None
        self._problem: Problem | None = None
        self._busy = False
        self.estimates: list[Estimate] = []

    def want(self, request: R | None) -> None:
        """Asks for these estimates, soon; None: nothing is open or no server is there."""
        self._wanted = request
        if self._wanted is None:
            self._show(None, [])
        elif self._wanted != self._answered and not self._busy:
            self._busy = True
            self._tasks.start(self._catch_up(), "estimating a job")

    def forget(self) -> None:
        """The next `want` asks again even for the same: the server may have learnt."""
        self._answered = None

    async def _catch_up(self) -> None:
        try:
            while (request := self._wanted) is not None and request != self._answered:
                await self._host.sleep(_SETTLE_S)
                if request != self._wanted:
                    continue
                estimates = await self._ask(request)
                if request == self._wanted:
                    self._show(request, estimates)
        finally:
            self._busy = False

    async def _ask(self, request: R) -> list[Estimate]:
        try:
            estimates = await self._server_says(request)
            self._problem = None
            return estimates
        except ReelError as error:
            if not is_unreachable(error) and error.problem != self._problem:
                self._problem = error.problem
                self._on_problem(error.problem)
            return []

    def _show(self, request: R | None, estimates: list[Estimate]) -> None:
        self._answered = request
        if estimates != self.estimates:
            self.estimates = estimates
            self._changed()
