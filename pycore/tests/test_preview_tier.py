"""Which tier draws the preview of a session, and that its state tells: a net after the first frame, where the
GPU is fast enough or it was asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pycore.backends.gpu import OffscreenTarget
from pycore.backends.native_gpu import WEB, NativeAdapter, NativeDevice, NativeGpu, PixelFrame
from pycore.document import new_project
from pycore.pipeline import Pipeline
from pycore.previewing import Previewing
from pycore.protocol import Aspect, MediaInfo, Problem, Rect, Size, Tier
from pycore.tasks import Tasks
from pycore.tests.native import native_device
from pycore.tests.running import run
from pycore.upscaler import tiers

pytestmark = pytest.mark.gpu

SIZE = Size(1280, 720)


class Gpu(NativeGpu):
    """A native adapter whose canvases are textures; with `hardware` it claims to be no software."""

    def __init__(self, web: Path, hardware: bool) -> None:
        super().__init__(web)
        self._hardware = hardware
        self.given: list[NativeDevice] = []

    async def adapter(self, *, software: bool = False) -> NativeAdapter | None:
        adapter = await super().adapter(software=True)
        assert adapter
        if self._hardware:
            adapter.facts = replace(adapter.facts, vendor="", description="A GPU", fallback=False)
        give = adapter.device

        async def device():
            given = await give()
            given.canvas = lambda handle: OffscreenTarget(given)  # type: ignore[method-assign]
            self.given.append(given)
            return given

        adapter.device = device  # type: ignore[method-assign]
        return adapter


@dataclass
class Session:
    previewing: Previewing
    gpu: Gpu
    problems: list[Problem]
    told: list[Tier | None] = field(default_factory=list)
    anew: asyncio.Event = field(default_factory=asyncio.Event)
    """The preview is live on a second device."""

    def crop(self, width: float, height: float) -> None:
        project = new_project("project-1", MediaInfo("", "clip.mp4", 1, SIZE, 1_000_000, 30.0))
        clip = replace(project.clips[0], aspect=Aspect.FREE, crop=Rect(0, 0, width, height))
        self.previewing.show(replace(project, clips=[clip]))

    async def frame(self) -> bool:
        frame = PixelFrame(Size(40, 30), bytes(40 * 30 * 4))
        return (await self.previewing.frame(frame, 0)).presented

    @property
    def tier(self) -> Tier | None:
        assert self.previewing.capability
        return self.previewing.capability.tier


class Work(Tasks):
    """Tasks that can be waited for."""

    async def settled(self) -> None:
        for task in list(self._running):
            if task.get_name() == "choosing a preview model":
                await task


def play(
    body: Callable[[Session, Work], Awaitable[None]],
    *,
    tier: Tier | None = None,
    hardware: bool = False,
    web: Path = WEB,
) -> None:
    async def played() -> None:
        async with native_device():
            pass  # skips, or fails in CI, without an adapter
        problems: list[Problem] = []
        work = Work(problems.append)

        def changed() -> None:
            if session.previewing.capability:
                session.told.append(session.previewing.capability.tier)
            if len(gpu.given) == 2 and session.previewing.preview.live:
                session.anew.set()

        gpu = Gpu(web, hardware)
        previewing = Previewing(gpu, work, changed, problems.append, force_software=True, tier=tier)
        session = Session(previewing, gpu, problems)
        await previewing.detect()
        previewing.attach("canvas")
        session.crop(40, 30)
        await body(session, work)
        previewing.close()
        await work.close()

    run(played())


def test_a_net_that_is_asked_for_takes_over_after_the_first_frame() -> None:
    async def body(session: Session, work: Work) -> None:
        assert session.tier is Tier.BASE
        assert await session.frame()
        await work.settled()
        assert session.told[-1] is Tier.S
        assert await session.frame()
        assert session.problems == []

    play(body, tier=Tier.S)


def test_software_keeps_the_base_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    async def improve(*given: object) -> None:
        asked.append(given)

    monkeypatch.setattr(Pipeline, "improve", improve)

    async def body(session: Session, work: Work) -> None:
        assert await session.frame()
        await work.settled()
        assert (asked, session.tier) == ([], Tier.BASE)

    play(body)


def test_a_fast_gpu_gets_the_largest_net_that_fits_and_the_crop_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """640x360 in 1, 2 and 4 ms with S, M and L; a third of a 60 fps interval is 5.6 ms."""
    took = iter([1.0, 2.0, 4.0])

    async def measured(*_: object) -> float:
        return next(took)

    monkeypatch.setattr(tiers, "measure", measured)

    async def body(session: Session, work: Work) -> None:
        assert await session.frame()
        await work.settled()
        assert session.told[-1] is Tier.L
        session.crop(1280, 360)
        assert session.told[-1] is Tier.M
        session.crop(1280, 720)
        assert session.told[-1] is Tier.S

    play(body, hardware=True)


def test_after_a_loss_of_the_gpu_it_starts_anew_one_tier_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    """What drew may be what broke it."""

    async def measured(*_: object) -> float:
        return 1.0  # every net fits

    monkeypatch.setattr(tiers, "measure", measured)

    async def body(session: Session, work: Work) -> None:
        assert await session.frame()
        await work.settled()
        assert session.told[-1] is Tier.L
        session.gpu.given[0].destroy()
        await session.anew.wait()
        assert [problem.code for problem in session.problems] == ["gpu.lost"]
        assert session.tier is Tier.BASE
        assert await session.frame()
        await work.settled()
        assert session.tier is Tier.M

    play(body, hardware=True)


def test_without_its_model_the_base_tier_goes_on_and_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "shaders").symlink_to(WEB / "shaders")

    async def body(session: Session, work: Work) -> None:
        assert await session.frame()
        await work.settled()
        assert [problem.code for problem in session.problems] == ["model.missing"]
        assert session.tier is Tier.BASE
        assert await session.frame()

    play(body, tier=Tier.S, web=tmp_path)
