"""The analysis worker's application: takes requests and frames, tells what it found. One analysis and one
player to follow at a time; a new request of either kind ends the one before."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from pycore.backends.gpu import Frame
from pycore.detection.analysing import Analysis
from pycore.detection.decoder import Tools
from pycore.detection.follower import Follower
from pycore.detection.seen import Detector
from pycore.framing.planning import plan_path
from pycore.protocol import (
    Analyse,
    AnalysisFailed,
    AnalysisProgress,
    AnalystEvent,
    AnalystReady,
    AnalystRequest,
    AnalystTrouble,
    Follow,
    PlanPath,
    Problem,
    StopAnalysing,
    StopFollowing,
    decode,
    encode,
)
from pycore.tasks import Tasks, as_problem


class Analyst:
    """`post` takes the messages to the application."""

    def __init__(self, tools: Tools, post: Callable[[dict[str, Any]], None]) -> None:
        self._tools = tools
        self._post = post
        self._tasks = Tasks(self._trouble)
        self._detector: Detector | None = None
        self._analysis: asyncio.Task[Any] | None = None
        self._follower: Follower | None = None
        self._turn = 0
        self._loading = asyncio.Lock()

    def handle(self, request: Mapping[str, Any], attachments: Mapping[str, Any]) -> None:
        """Begins what is asked for; answers come as events."""
        asked: AnalystRequest = decode(AnalystRequest, request, "request")
        match asked:
            case Analyse():
                self._stop()
                work = self._analyse(asked, attachments.get("file"))
                self._analysis = self._tasks.start(work, "looking for players")
            case StopAnalysing():
                self._stop()
            case Follow():
                self._turn += 1
                self._follower = None
                self._tasks.start(self._follow(asked, self._turn), "following a player")
            case StopFollowing():
                self._turn += 1
                self._follower = None
            case PlanPath():
                self._tasks.start(self._plan(asked), "planning the crop's path")
            case _:
                assert_never(asked)

    async def frame(self, frame: Frame, time_us: int) -> None:
        """A frame to follow in; closed in any case."""
        follower = self._follower
        if follower is None:
            frame.close()
            return
        try:
            followed = await follower.frame(frame, time_us)
        except Exception as error:  # noqa: BLE001 -- whatever it was is told, and following ends
            if follower is self._follower:
                self._follower = None
                self._trouble(as_problem(error, "following a player"))
            return
        if follower is self._follower:
            self.tell(followed)

    async def close(self) -> None:
        await self._tasks.close()
        if self._detector is not None:
            self._detector.close()

    def tell(self, event: AnalystEvent) -> None:
        self._post({"event": encode(event)})

    def _trouble(self, problem: Problem) -> None:
        self.tell(AnalystTrouble(problem))

    def _stop(self) -> None:
        if self._analysis is not None:
            self._analysis.cancel()
            self._analysis = None

    async def _equipped(self) -> Detector:
        async with self._loading:
            if self._detector is None:
                detector: Detector = await self._tools.detector()
                self._detector = detector
                self.tell(AnalystReady(detector.processor))
            return self._detector

    async def _analyse(self, asked: Analyse, file: Any) -> None:
        try:
            self.tell(AnalysisProgress(0.0, 0, 0, "Loading the detector"))
            detector = await self._equipped()
            self.tell(AnalysisProgress(0.0, 0, 0, "Opening the video"))
            decoder = await self._tools.open(file)
            try:
                finished = await Analysis(detector, decoder, asked.size, asked.duration_us, self.tell).run()
            finally:
                await decoder.close()
        except Exception as error:  # noqa: BLE001 -- the application waits for an end, whatever it is
            self.tell(AnalysisFailed(as_problem(error, "looking for players")))
            return
        self.tell(finished)

    async def _follow(self, asked: Follow, turn: int) -> None:
        detector = await self._equipped()
        if turn == self._turn:
            self._follower = Follower(detector, asked)

    async def _plan(self, asked: PlanPath) -> None:
        self.tell(plan_path(asked))
