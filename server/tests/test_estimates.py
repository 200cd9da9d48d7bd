import pytest

from pycore.protocol import Estimate, ModelName, Processor, ProcessorKind, ReelError, Route, Size
from server.gpu.estimates import START_SECONDS, estimate, work_pixels
from server.gpu.router import choose, mark_recommended

CPU = Processor(ProcessorKind.CPU, "Some CPU", True)
GPU = Processor(ProcessorKind.CUDA, "NVIDIA H200", True)
OFF = Processor(ProcessorKind.RUNPOD, "RunPod", False, "No key is configured.")
WORK = work_pixels(Size(608, 1080), 300, ModelName.QUICK)


def test_work_is_what_comes_out_of_the_net() -> None:
    assert work_pixels(Size(100, 50), 30, ModelName.QUICK) == 100 * 50 * 16 * 30


def test_defaults_differ_by_kind_and_say_so() -> None:
    slow, fast = (estimate(each, WORK, 300, ModelName.QUICK) for each in (CPU, GPU))
    assert slow.seconds > 10 * fast.seconds
    assert (slow.basis, fast.basis) == ("default for CPUs", "default for NVIDIA GPUs")
    assert (slow.route, slow.cost_usd, slow.frames) == (Route.LOCAL, 0.0, 300)


def test_a_measured_throughput_wins() -> None:
    made = estimate(CPU, WORK, 300, ModelName.QUICK, measured=WORK / 60)
    assert made.seconds == pytest.approx(60 + START_SECONDS, abs=0.1)
    assert made.basis == "measured on this machine"


def test_unknown_model() -> None:
    with pytest.raises(ReelError, match="no model"):
        estimate(CPU, WORK, 1, ModelName.BEST)


def option(route: Route, processor: Processor, seconds: float, cost: float = 0.0) -> Estimate:
    return Estimate(route, processor, seconds, cost, False, "test")


def test_router_takes_the_only_one() -> None:
    choice = choose(Route.AUTO, [option(Route.LOCAL, CPU, 60), option(Route.RUNPOD, OFF, 5, 0.01)])
    assert choice.estimate.processor is CPU
    assert choice.reason == "This machine's Some CPU: the only processor here."


def test_router_takes_the_cheapest_then_the_fastest() -> None:
    ready = Processor(ProcessorKind.RUNPOD, "RunPod", True)
    cheap = choose(Route.AUTO, [option(Route.RUNPOD, ready, 5, 0.01), option(Route.LOCAL, CPU, 60)])
    assert cheap.estimate.processor is CPU
    assert "free" in cheap.reason
    fast = choose(Route.AUTO, [option(Route.LOCAL, CPU, 60), option(Route.LOCAL, GPU, 6)])
    assert fast.estimate.processor is GPU
    assert "fastest" in fast.reason


def test_router_does_as_asked_or_says_why_not() -> None:
    options = [option(Route.LOCAL, CPU, 60), option(Route.RUNPOD, OFF, 5, 0.01)]
    assert choose(Route.LOCAL, options).reason.endswith("as asked.")
    with pytest.raises(ReelError, match="No key is configured") as caught:
        choose(Route.RUNPOD, options)
    assert caught.value.problem.code == "route.unavailable"
    with pytest.raises(ReelError, match="reelballers worker"):
        choose(Route.AUTO, [])


def test_what_auto_takes_is_recommended() -> None:
    marked = mark_recommended([option(Route.LOCAL, CPU, 60), option(Route.RUNPOD, OFF, 5)])
    assert [each.recommended for each in marked] == [True, False]
    assert not any(each.recommended for each in mark_recommended([option(Route.RUNPOD, OFF, 5)]))
