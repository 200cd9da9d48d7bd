"""What an export in the browser plans, where its sound goes, and when it is recommended."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from pycore.backends.reels import SoundPacket
from pycore.document import new_project, with_clip
from pycore.exporting import Motion
from pycore.local_export.advice import advise
from pycore.local_export.plan import obstacle, plan_reel
from pycore.local_export.sound import SoundCopy
from pycore.protocol import (
    Aspect,
    Estimate,
    LocalOffer,
    MediaInfo,
    Output,
    PathPoint,
    Processor,
    ProcessorKind,
    Rect,
    Route,
    Size,
    SlowMotion,
)
from pycore.tests.running import run

PROJECT = new_project("p", MediaInfo("", "clip.mp4", 1, Size(640, 360), 4_000_000))
CLIP = PROJECT.clips[0]


def test_a_crop_that_stands_is_whole_pixels_in_the_reels_shape() -> None:
    clip = replace(CLIP, aspect=Aspect.FREE, crop=Rect(10.4, 20.2, 99.7, 150.1))
    plan = plan_reel(replace(with_clip(PROJECT, clip), output=Output(Size(180, 320))), {})
    (cut,) = plan.cuts
    assert cut.crop == Rect(18, 20, 84, 150)
    assert cut.window(clip.media.size) == Size(84, 150)
    assert cut.to_end
    assert plan.duration_us == 4_000_000


def test_a_crop_that_moves_keeps_its_times_and_gets_the_reels_shape() -> None:
    path = [PathPoint(0, Rect(0, 0, 100, 100)), PathPoint(900_000, Rect(300, 0, 100, 100))]
    motion = {CLIP.id: Motion(path, [PathPoint(0, Rect(40, 40, 10, 20))])}
    (cut,) = plan_reel(replace(PROJECT, output=Output(Size(90, 160))), motion).cuts
    assert [(each.time_us, each.rect) for each in cut.path] == [
        (0, Rect(21.875, 0, 56.25, 100)),
        (900_000, Rect(321.875, 0, 56.25, 100)),
    ]
    assert cut.window(Size(640, 360)) == Size(66, 109)
    assert cut.subject == list(motion[CLIP.id].subject)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"title": "Goal"}, "titles"),
        ({"freeze_us": 1}, "still first frames"),
        ({"slow": SlowMotion(0, 1)}, "slow motion"),
        ({"title": "Goal", "slow": SlowMotion(0, 1)}, "titles and slow motion"),
    ],
)
def test_what_only_the_server_makes_is_named(wanted: dict[str, Any], named: str) -> None:
    assert obstacle(PROJECT) == ""
    assert named in obstacle(with_clip(PROJECT, replace(CLIP, **wanted)))


class Reel:
    """Notes the sound that it gets."""

    def __init__(self) -> None:
        self.sound: list[tuple[Any, int]] = []

    async def add_sound(self, packet: SoundPacket, time_us: int) -> None:
        self.sound.append((packet.handle, time_us))


async def packets(first_us: int, names: str, lasts_us: int = 100) -> AsyncGenerator[SoundPacket]:
    for number, name in enumerate(names):
        yield SoundPacket(first_us + number * lasts_us, lasts_us, name)


def test_sound_keeps_to_its_picture_and_a_joint_has_no_packet_too_many() -> None:
    async def copied() -> list[tuple[Any, int]]:
        reel: Any = Reel()
        first = SoundCopy(packets(-30, "abc"), reel, 0, None)
        await first.copy(70)
        assert reel.sound == [("a", -30)], "no further ahead than asked"
        await first.copy(None)
        # It begins 60 before its picture, which is shown at 250; "c" is heard until 270.
        second = SoundCopy(packets(940, "def"), reel, 250 - 1000, first.end_us)
        await second.copy(None)
        assert second.end_us == 490
        return reel.sound

    # "d" would be heard 190 to 290, most of it over "c".
    assert run(copied()) == [("a", -30), ("b", 70), ("c", 170), ("e", 290), ("f", 390)]


def estimate(seconds: float, *, available: bool = True) -> Estimate:
    cpu = Processor(ProcessorKind.CPU, "CPU", available)
    return Estimate(Route.LOCAL, cpu, seconds, 0.0, recommended=available, basis="")


@pytest.mark.parametrize(
    ("here", "server", "recommended"),
    [
        (LocalOffer(True, seconds=10), [estimate(20)], "server"),
        (LocalOffer(True, seconds=10), [], "here"),
        (LocalOffer(True, seconds=10), [estimate(20, available=False)], "here"),
        (LocalOffer(True, seconds=10), [estimate(3000)], "here"),
        (LocalOffer(True, seconds=None), [estimate(3000)], "server"),
        (LocalOffer(False, "why"), [estimate(20)], "server"),
        (None, [estimate(20)], "server"),
    ],
)
def test_the_better_picture_is_recommended_unless_the_wait_is_absurd(
    here: LocalOffer | None, server: list[Estimate], recommended: str
) -> None:
    offer, estimates = advise(here, server)
    assert (offer is not None and offer.recommended) == (recommended == "here")
    assert any(each.recommended for each in estimates) == (recommended == "server")
