"""How far the search for players is, as the page tells it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pycore.analysing.found import Found
from pycore.protocol import Analysis, AnalysisProgress, AnalysisState, Job, Problem

_HINT = "Click a player in Field, or look for all players."


class Looking:
    """`analysis` is what the page sees, `changed()` is called when it changes, `now()` gives seconds."""

    def __init__(self, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._now, self._changed = now, changed
        self._started = 0.0
        self.analysis = Analysis(message=_HINT)

    def forget(self, revision: int) -> None:
        self.analysis = Analysis(message=_HINT, revision=revision)

    @property
    def busy(self) -> bool:
        return self.analysis.state in (AnalysisState.STARTING, AnalysisState.RUNNING)

    def begin(self, message: str) -> None:
        self._started = self._now()
        self.set(state=AnalysisState.STARTING, progress=0.0, seconds_left=None, problem=None, message=message)

    def progressed(self, event: AnalysisProgress) -> None:
        """What the analysis worker tells."""
        if not self.busy:
            return
        if not event.frames:
            self.set(state=AnalysisState.STARTING, message=event.message)
            return
        if self.analysis.state is AnalysisState.STARTING:
            self._started = self._now()
        spent = self._now() - self._started
        left = spent / event.progress * (1 - event.progress) if event.progress > 0.02 and spent > 1 else None
        message = event.message or "Looking for players"
        self.set(state=AnalysisState.RUNNING, progress=event.progress, seconds_left=left, message=message)

    def job_changed(self, job: Job) -> None:
        """What the server tells."""
        self.set(
            state=AnalysisState.RUNNING,
            progress=job.progress,
            seconds_left=job.seconds_left,
            processor=job.processor,
            message=job.message,
        )

    def found(self, found: Found) -> None:
        self.set(players=found.players, revision=found.revision)

    def done(self, found: Found) -> None:
        self.set(state=AnalysisState.DONE, progress=1.0, problem=None)
        self._rest(found)

    def cancelled(self, found: Found) -> None:
        state = AnalysisState.NONE if found.tracking is None else AnalysisState.DONE
        self.set(state=state, progress=0.0)
        self._rest(found)

    def failed(self, problem: Problem) -> None:
        self.set(
            state=AnalysisState.FAILED,
            problem=problem,
            message=str(problem),
            waiting=False,
            seconds_left=None,
        )

    def set(self, **changes: Any) -> None:
        after = replace(self.analysis, **changes)
        if after != self.analysis:
            self.analysis = after
            self._changed()

    def _rest(self, found: Found) -> None:
        message, count = _HINT, len(found.tracks)
        if found.tracking is not None:
            message = f"{count} {'player was' if count == 1 else 'players were'} found. Click one."
            message = message if count else "Nobody was found in this clip."
        self.set(message=message, waiting=False, seconds_left=None)
