"""An analysis from pictures to tracks, with a detector that is told what it sees; and the analysis worker's
application."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import numpy as np
import pytest

from pycore.detection.analyst import Analyst
from pycore.detection.decoder import Picture
from pycore.detection.seen import Seen
from pycore.detection.view import Turn, View, whole
from pycore.protocol import (
    Analyse,
    AnalystEvent,
    Follow,
    Framing,
    PlanPath,
    Processor,
    ProcessorKind,
    Rect,
    ReelError,
    Scene,
    Size,
    StopAnalysing,
    TrackColumns,
    decode,
    encode,
)
from pycore.tests.running import run
from pycore.tracking import Detections
from pycore.tracking.appearance import BINS

SIZE = Size(1280, 720)
KITS = np.eye(BINS)[[1, 9]]


class Frame:
    def __init__(self, number: int) -> None:
        self.number = number
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Told:
    """A detector of players who walk on a grid, shot by shot."""

    processor = Processor(ProcessorKind.WEBGPU, "test", True)

    def __init__(self, count: int, shot: int = 10**6) -> None:
        self.count, self.shot = count, shot
        self.closed = False

    def whole_view(self, display: Size) -> View:
        return whole(display, 1920)

    async def show(self, frame: Any, view: View, display: Size, turn: Turn) -> "Told.Answer":
        return Told.Answer(self, frame.number)

    def close(self) -> None:
        self.closed = True

    class Answer:
        def __init__(self, told: "Told", number: int) -> None:
            self.told, self.number = told, number

        async def seen(self) -> Seen:
            told = self.told
            shot = self.number // told.shot
            who = np.arange(told.count)
            left = 60 + 110 * (who % 10) + 2 * (self.number % told.shot)
            size = np.full((2, told.count), [[24], [56]])
            boxes = np.stack((left, 40 + 110 * (who // 10), *size), axis=1).astype(float)
            people = Detections(boxes.reshape(-1, 4), np.full(told.count, 0.9), KITS[who % 2])
            ball = Detections(np.array([[600.0 + self.number, 600, 12, 12]]), np.array([0.8]))
            return Seen(people, ball, np.full((9, 16, 3), 0.2 + 0.6 * (shot % 2)))


class Clip:
    display, turn, rate = SIZE, Turn(SIZE), 25.0

    def __init__(self, frames: int, broken: bool = False) -> None:
        self.frames = [Frame(number) for number in range(frames)]
        self.broken = broken
        self.closed = False
        self.ended = asyncio.Event()
        self.begun = self.given = 0

    @property
    def open(self) -> int:
        """Frames that were given and not closed yet."""
        return self.given - sum(frame.closed for frame in self.frames[: self.given])

    async def pictures(self, every: int = 1) -> AsyncGenerator[Picture, None]:
        self.begun += 1
        self.given = 0
        for frame in [*self.frames[:-1:every], *self.frames[-1:]]:
            await asyncio.sleep(0)
            frame.closed = False
            self.given = frame.number + 1
            yield Picture(frame, 40_000 * frame.number)
        if self.broken:
            raise ReelError.of("media.decode", "The video could not be decoded to its end")

    async def close(self) -> None:
        self.closed = True
        self.ended.set()


class Tools:
    def __init__(self, detector: Told, clip: Clip) -> None:
        self.told, self.clip = detector, clip

    async def detector(self) -> Told:
        return self.told

    async def open(self, file: Any) -> Clip:
        return self.clip


class Heard(list[Any]):
    """Events; `until` waits for one of a type."""

    def __init__(self) -> None:
        super().__init__()
        self._came = asyncio.Event()

    def post(self, message: dict[str, Any]) -> None:
        self.append(decode(AnalystEvent, message["event"], "event"))
        self._came.set()

    async def until(self, kind: str) -> Any:
        async with asyncio.timeout(30):
            while not any(event.type == kind for event in self):
                self._came.clear()
                await self._came.wait()
        return next(event for event in self if event.type == kind)


def analysed(detector: Told, clip: Clip, kind: str = "finished") -> Any:
    async def body() -> Any:
        heard = Heard()
        analyst = Analyst(Tools(detector, clip), heard.post)
        analyst.handle(encode(Analyse(SIZE, 40_000 * len(clip.frames))), {"file": None})
        event = await heard.until(kind)
        await analyst.close()
        assert clip.closed
        assert all(frame.closed for frame in clip.frames)
        return event

    return run(body())


@pytest.mark.parametrize("count", [1, 25, 60])
def test_everyone_is_found_once(count: int) -> None:
    tracking = analysed(Told(count), Clip(40)).tracking
    assert len(tracking.tracks) == count
    assert all(len(track.frames) == 40 for track in tracking.tracks)
    assert tracking.times_us == [40_000 * number for number in range(40)]
    assert {track.team for track in tracking.tracks} == ({0} if count == 1 else {0, 1})
    assert tracking.ball is not None
    assert len(tracking.ball.frames) == 40


def test_a_cut_every_second_begins_everyone_anew() -> None:
    tracking = analysed(Told(3, shot=25), Clip(100)).tracking
    assert tracking.cuts == [25, 50, 75]
    assert len(tracking.tracks) == 12


class Waiting(Told):
    """Its `show` of a picture returns once the one after it is decoded, and its answer comes once LATER more
    have been shown: as when decoder, GPU and tracking are busy with different pictures."""

    LATER = 3

    def __init__(self, clip: Clip) -> None:
        super().__init__(5)
        self.clip, self.shown, self.most_open = clip, 0, 0

    async def until(self, condition: Callable[[int], bool]) -> None:
        """Not in the first two looks, which tell how fast it goes. `condition` gets the last frame's
        number."""
        async with asyncio.timeout(20):
            while self.clip.begun > 2 and not condition(len(self.clip.frames) - 1):  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def show(self, frame: Any, view: View, display: Size, turn: Turn) -> Told.Answer:
        await self.until(lambda last: self.clip.given > min(frame.number + 1, last))
        self.shown = frame.number
        return Late(self, frame.number)


class Late(Told.Answer):
    def __init__(self, waiting: Waiting, number: int) -> None:
        super().__init__(waiting, number)
        self.waiting = waiting

    async def seen(self) -> Seen:
        told = self.waiting
        await told.until(lambda last: told.shown >= min(self.number + Waiting.LATER, last))
        told.most_open = max(told.most_open, told.clip.open)
        return await super().seen()


def test_no_picture_waits_for_another_ones_answer() -> None:
    clip = Clip(40)
    detector = Waiting(clip)
    tracking = analysed(detector, clip).tracking
    assert tracking == analysed(Told(5), Clip(40)).tracking
    assert 1 < detector.most_open <= 5  # a decoder has few frames to give away


def test_a_clip_of_one_frame() -> None:
    tracking = analysed(Told(4), Clip(1)).tracking
    assert [track.frames for track in tracking.tracks] == [[0]] * 4


def test_nobody() -> None:
    assert analysed(Told(0), Clip(10)).tracking.tracks == []


def test_a_clip_that_breaks_is_told() -> None:
    assert analysed(Told(2), Clip(10, broken=True), "failed").problem.code == "media.decode"
    assert analysed(Told(2), Clip(0), "failed").problem.code == "analysis.no-pictures"


def test_stopping_ends_it_and_says_nothing_more() -> None:
    async def body() -> None:
        heard, clip = Heard(), Clip(5000)
        analyst = Analyst(Tools(Told(20), clip), heard.post)
        analyst.handle(encode(Analyse(SIZE, 10**9)), {})
        await heard.until("ready")
        analyst.handle(encode(StopAnalysing()), {})
        async with asyncio.timeout(10):
            await clip.ended.wait()
        assert not any(event.type in ("finished", "failed") for event in heard)
        await analyst.close()

    run(body())


def test_following_goes_with_the_player_who_was_clicked() -> None:
    async def body() -> None:
        heard = Heard()
        analyst = Analyst(Tools(Told(20), Clip(0)), heard.post)
        scene = Scene(SIZE, 9 / 16, Rect(400, 0, 405, 720))
        analyst.handle(encode(Follow(60 + 110 * 3 + 12, 70, scene, Framing())), {})
        await heard.until("ready")
        await asyncio.sleep(0.01)
        for number in range(30):
            await analyst.frame(Frame(number), 40_000 * number)
        told = [event for event in heard if event.type == "followed"]
        assert len(told) == 30
        assert all(event.sight == 0 for event in told)
        for number, event in enumerate(told):
            assert abs(event.box.x - (60 + 110 * 3 + 2 * number)) < 6
            assert event.crop.x <= event.box.x
            assert event.box.x + event.box.width <= event.crop.x + event.crop.width
        await analyst.close()

    run(body())


def test_a_path_is_planned_around_the_player() -> None:
    async def body() -> None:
        heard = Heard()
        analyst = Analyst(Tools(Told(0), Clip(0)), heard.post)
        times = [40_000 * number for number in range(100)]
        boxes = [value for number in range(100) for value in (100.0 + 8 * number, 300.0, 24.0, 56.0)]
        player = TrackColumns("1", list(range(100)), boxes, [0.9] * 100, [0] * 100)
        scene = Scene(SIZE, 9 / 16, Rect(400, 0, 405, 720))
        analyst.handle(encode(PlanPath("k", scene, Framing(), times, [], player)), {})
        planned = await heard.until("path-planned")
        assert planned.key == "k"
        assert planned.crop[0].rect.x < 100 < planned.crop[0].rect.x + planned.crop[0].rect.width
        assert planned.crop[-1].rect.x > planned.crop[0].rect.x + 400
        assert planned.subject[0].rect == Rect(100, 300, 24, 56)
        await analyst.close()

    run(body())
