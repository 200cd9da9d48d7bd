"""Which kernels draw: the default, unless another is a tenth faster here; what is chosen is what runs, and
the choice outlasts the session."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest

from pycore.backends.gpu import Device, Dispatch, OffscreenTarget
from pycore.backends.native_gpu import NativeDevice, PixelFrame
from pycore.protocol import Size, Tier
from pycore.shaders import ShaderManager
from pycore.tests import golden, reference
from pycore.tests.native import native_device
from pycore.tests.running import run
from pycore.upscaler import fusing, kernels, tiers, timing, tuner
from pycore.upscaler.kernels import DEFAULT, Kernel
from pycore.upscaler.look import Look
from pycore.upscaler.plan import SPLIT, first_fused, last_fused
from pycore.upscaler.timing import Effort
from pycore.upscaler.tuner import Timed, pick
from pycore.upscaler.weights import Conv

SIZE = Size(40, 30)
NET = golden.some_net(16, 16, 16)
OTHER = Kernel("other", columns=8, rows=4)


@pytest.mark.parametrize(("others", "chosen"), [([0.95], "16x2"), ([0.89, 0.95], "a"), ([2.0, 0.5], "b")])
def test_only_a_tenth_less_time_replaces_the_default(others: list[float], chosen: str) -> None:
    timed = [Timed(DEFAULT.name, 1.0), *(Timed(name, ms) for name, ms in zip("ab", others, strict=False))]
    assert pick(timed) == chosen


def test_what_is_compared_is_timed_by_turns_until_the_gpus_clock_has_risen() -> None:
    """Each way takes so much work; the clock rises by 30 % with each that is timed, and stops at 4."""

    class Rising:
        clock = 1.0

        async def run_ms(self, dispatches: Sequence[Dispatch], rounds: int) -> float:
            if rounds > 4:
                self.clock = min(4.0, self.clock * 1.3)
            return rounds * sum(each.x for each in dispatches) / self.clock

    ways = [[Dispatch(None, None, work, 1)] for work in (100, 90, 120)]
    took = run(timing.compared(cast(Device, Rising()), ways, Effort(target_ms=1000.0, tries=1)))
    assert took == pytest.approx([25, 22.5, 30])


@dataclass(frozen=True, slots=True)
class Wrong(Kernel):
    """Leaves out input channels."""

    def constants(self, conv: Conv) -> Mapping[str, float]:
        return {**super(Wrong, self).constants(conv), "IN": 1}


class Kept:
    """A store that keeps."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        return self._texts.get(name)

    async def put(self, name: str, text: str) -> None:
        self._texts[name] = text


class Clock:
    """Says that kernels of the given shapes take so long, and keeps what was timed."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, took: Callable[[int], float], fused: float = 1.0
    ) -> None:
        """`took`: by rows of workgroups. `fused`: of one stage that does the work of two, which take 1."""
        self.timed = 0
        self._took = took
        self._fused = fused
        monkeypatch.setattr(tuner, "compared", self._kernels)
        monkeypatch.setattr(fusing, "compared", self._ends)

    async def _ends(
        self, _device: Device, _ways: Sequence[Sequence[Dispatch]], _effort: Effort
    ) -> list[float]:
        return [self._fused, 1.0]

    async def _kernels(
        self, _device: Device, ways: Sequence[Sequence[Dispatch]], _effort: Effort
    ) -> list[float]:
        self.timed += len(ways)
        return [self._took(way[0].y) for way in ways]


def played(body: Callable[[NativeDevice], Awaitable[None]]) -> None:
    async def play() -> None:
        async with native_device() as device:
            device.facts = replace(device.facts, vendor="", description="A GPU", fallback=False)
            await body(device)

    run(play())


@pytest.mark.gpu
def test_every_kernel_is_right_for_every_layer() -> None:
    async def body(device: NativeDevice) -> None:
        for name in ("s", "m", "l"):
            net = tuner_net(name, await device.load_model(name))
            right = await tuner._right(device, ShaderManager(device), net)
            for index, conv in enumerate(net):
                wanted = {each.name for each in kernels.choices(conv, device.features)}
                assert len(wanted) == 2 * len(kernels.choices(conv))  # lavapipe has halves
                assert right[tuner._shape(index, net)] == wanted

    played(body)


def tuner_net(name: str, data: bytes) -> list[Conv]:
    from pycore.upscaler.weights import parse

    return parse(data, name)


@pytest.mark.gpu
def test_a_kernel_that_is_wrong_is_never_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "KERNELS", (DEFAULT, Wrong("wrong", columns=32, rows=1), OTHER))
    Clock(monkeypatch, lambda rows: 1.0 / rows)  # the wrong one has the most workgroups above each other

    async def body(device: NativeDevice) -> None:
        tuning = await tuner.tune(device, ShaderManager(device), NET, SIZE)
        inner = {each.kernel: each.ms for each in tuning.timed[1]}
        assert inner["wrong"] == float("inf")
        assert inner["other"] < float("inf")

    played(body)


@pytest.mark.gpu
@pytest.mark.parametrize(("fused", "stays"), [(1.05, True), (1.2, False)])
def test_what_was_chosen_is_what_runs_and_draws_the_same(
    monkeypatch: pytest.MonkeyPatch, fused: float, stays: bool
) -> None:
    """15 rows of cells: one workgroup of the default's, one of the other's, two of the quick one's. Before
    anything is timed the net's ends are fused."""
    quick = Kernel("quick", columns=32, rows=1)
    monkeypatch.setattr(kernels, "KERNELS", (DEFAULT, OTHER, quick))
    clock = Clock(monkeypatch, lambda rows: 1.0 / rows, fused)
    drawn: list[Dispatch] = []

    async def measured(*_: object) -> float:
        return 1.0

    monkeypatch.setattr(tiers, "measure", measured)

    async def body(device: NativeDevice) -> None:
        submit = device.submit

        def watched(dispatches: Sequence[Dispatch]) -> None:
            drawn[:] = dispatches
            submit(dispatches)

        device.submit = watched  # type: ignore[method-assign]
        store = Kept()
        target = OffscreenTarget(device)
        frame = golden.noise(SIZE.width, SIZE.height)
        net = tuner_net("l", await device.load_model("l"))
        layers = len(net) + 1  # and Lanczos

        async def draw(tier: tiers.Tiers) -> np.ndarray:
            upscaler = tier.use(tier.best(SIZE))
            upscaler.show(Look(0, 0, *(SIZE.width, SIZE.height), sharpness=0.0), target)
            device.submit(upscaler.steps(PixelFrame(SIZE, frame.tobytes())))
            read = await device.read_texture(target.texture)
            return np.frombuffer(read, np.uint8).reshape(2 * SIZE.height, 2 * SIZE.width, 4)[..., :3]

        async def ran(tier: tiers.Tiers, kernel: Kernel) -> bool:
            """Whether every layer that was drawn last is that kernel's pipeline, over its grid."""
            upscaler = tier.use(tier.best(SIZE))
            stages = upscaler.plan.drawing(sharpened=False)
            convs = [stage for stage in stages if stage.kernel]
            assert len(convs) == len(net)
            assert all(stage.kernel == f"{kernel.name} f16" for stage in convs)  # lavapipe has halves
            shape = {"COLUMNS": kernel.columns, "ROWS": kernel.rows}
            wanted = [
                await tier._shaders.compute(
                    stage.files, {**stage.constants, **(shape if stage.kernel else {})}
                )
                for stage in stages
            ]
            return [step.pipeline for step in drawn] == wanted

        first = tiers.Tiers(device, target.format, store)
        await first.prepare_base()
        await first.measure_nets()
        assert first.best(SIZE) is Tier.L
        assert first.untuned(SIZE)
        before = await draw(first)
        assert await ran(first, DEFAULT)
        assert len(drawn) == layers
        await first.tune(SIZE)
        assert not first.untuned(SIZE)
        after = await draw(first)
        assert await ran(first, quick)
        assert len(drawn) == (layers if stays else layers + 2)
        assert np.abs(after.astype(int) - before).max() <= 1
        wanted = reference.picture(frame, (0, 0, SIZE.width, SIZE.height), 0.0, 0.0, net).astype(int)
        assert np.abs(after - wanted).max() <= 2

        timed = clock.timed
        again = tiers.Tiers(device, target.format, store)  # the next visit
        await again.prepare_base()
        await again.measure_nets()
        await draw(again)
        assert await ran(again, quick)
        assert len(drawn) == (layers if stays else layers + 2)
        assert not again.untuned(SIZE)
        assert clock.timed == timed

        device.facts = replace(device.facts, browser="another")  # whose figures say nothing of this one
        other = tiers.Tiers(device, target.format, store)
        await other.prepare_base()
        await other.measure_nets()
        await draw(other)
        assert await ran(other, DEFAULT)

    played(body)


@pytest.mark.gpu
def test_a_fused_stage_that_draws_something_else_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that leaves out output channels, and one that the driver refuses."""
    Clock(monkeypatch, lambda rows: 1.0, fused=0.1)
    monkeypatch.setattr(
        fusing,
        "first_fused",
        lambda kind, net, kernel: replace(first_fused(kind, net, kernel), constants={"IN": 1, "OUT": 2}),
    )
    monkeypatch.setattr(
        fusing,
        "last_fused",
        lambda format, net, kernel: replace(last_fused(format, net, kernel), constants={"COLUMNS": 4096}),
    )

    async def body(device: NativeDevice) -> None:
        tuning = await tuner.tune(device, ShaderManager(device), NET, SIZE)
        assert tuning.fused == SPLIT

    played(body)


@pytest.mark.gpu
@pytest.mark.parametrize("kept", ["", "not json", "[1, 2]", '["unheard of", "16x2"]', "{}", "null"])
def test_a_store_that_is_no_use_is_passed_over(kept: str) -> None:
    class Odd:
        async def get(self, name: str) -> str | None:
            return kept

        async def put(self, name: str, text: str) -> None: ...

    async def body(device: NativeDevice) -> None:
        assert await tuner.Remembered(Odd(), device).recall("S", 5) is None

    played(body)
