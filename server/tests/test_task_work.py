"""Segments on a worker: what is tried again, and what is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from pycore.protocol import ReelError
from server.gpu.task_files import TaskFiles
from server.gpu.task_work import Product, make_segments

NO_FILES = cast(TaskFiles, None)
"""Without slots nothing is fetched or stored."""


@dataclass
class Failing:
    """A Maker of three segments, of which the second fails `times` times."""

    code: str
    status: int
    times: int
    frames: list[int] = field(default_factory=lambda: [2, 2, 2])
    pixels_per_frame: float = 1.0
    last_step: str = ""
    at_once: int = 1
    stop: Event = field(default_factory=Event)
    made: list[int] = field(default_factory=list)

    def path(self, index: int) -> Path:
        return Path(str(index))

    def make(self, index: int, progress: Callable[[float], None], stop: Event) -> None:
        if index == 1 and self.times:
            self.times -= 1
            raise ReelError.of(self.code, "Lost", "It was killed.", "Try again.", self.status)
        self.made.append(index)
        progress(1.0)

    def finish(self) -> Product:
        raise NotImplementedError


def test_a_segment_whose_decoder_was_killed_is_tried_again() -> None:
    maker = Failing("media.decoder-lost", 503, 1)
    told: list[str] = []
    made = make_segments([], maker, NO_FILES, lambda share, what: told.append(what))
    assert maker.made == [0, 1, 2]
    assert made.frames == 6
    assert told[-1] == "6 of 6 frames"


@pytest.mark.parametrize(
    ("code", "status", "times"),
    [("media.decoder-lost", 503, 2), ("media.damaged", 422, 1), ("device.lost", 503, 1)],
)
def test_what_stays_broken_is_told(code: str, status: int, times: int) -> None:
    maker = Failing(code, status, times)
    with pytest.raises(ReelError) as caught:
        make_segments([], maker, NO_FILES, lambda share, what: None)
    assert caught.value.problem.code == code
    assert maker.made == [0]
