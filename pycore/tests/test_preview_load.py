"""The preview under load: a tier lower when it lasts, and back when it is over."""

from pycore.upscaler.load import Load

FRAME_S = 1 / 60
SLOW, QUICK = 14.0, 2.0


class Playing:
    """Frames at 60 a second, all as slow as is said."""

    def __init__(self, most: int = 3) -> None:
        self.load = Load(most)
        self.now = 0.0

    def play(self, seconds: float, took_ms: float) -> int:
        """How often the tier changed."""
        changes = 0
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            changes += self.load.frame(took_ms, self.now)
        return changes


def test_a_hiccup_drops_nothing() -> None:
    playing = Playing()
    for _ in range(5):
        playing.play(1.0, SLOW)
        playing.play(1.0, QUICK)
    assert playing.load.lowered == 0


def test_sustained_load_drops_one_tier_and_calm_brings_it_back() -> None:
    playing = Playing()
    playing.play(2.0, SLOW)
    assert playing.load.lowered == 1
    assert playing.play(9.0, QUICK) == 0
    assert playing.play(2.0, QUICK) == 1
    assert playing.load.lowered == 0


def test_load_that_goes_on_drops_tier_by_tier_as_far_as_there_are_any() -> None:
    playing = Playing(most=2)
    assert playing.play(20.0, SLOW) == 2
    assert playing.load.lowered == 2


def test_a_tier_that_does_not_last_comes_back_later_each_time() -> None:
    """The preview must not change its picture every ten seconds for ever."""
    playing = Playing()
    playing.play(2.0, SLOW)
    waits = []
    for _ in range(4):
        began = playing.now
        while playing.load.lowered:
            playing.play(FRAME_S, QUICK)
        waits.append(playing.now - began)
        playing.play(2.0, SLOW)  # with the higher tier it is slow again
        assert playing.load.lowered == 1
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]


def test_odd_slow_frames_are_no_load() -> None:
    playing = Playing()
    for _ in range(600):
        playing.play(FRAME_S, SLOW)
        playing.play(3 * FRAME_S, QUICK)
    assert playing.load.lowered == 0
