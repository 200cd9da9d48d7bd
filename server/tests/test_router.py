"""Where jobs run, why, and what may be spent on it."""

import pytest

from pycore.protocol import Estimate, Processor, ProcessorKind, ReelError, Route
from server.gpu.breaker import FAILURES, LONGEST_PAUSE_SECONDS, PAUSE_SECONDS, Outcome, distrust
from server.gpu.router import Allowance, Candidate, Policy, choose, mark_recommended

CPU = Processor(ProcessorKind.CPU, "Some CPU", True)
GPU = Processor(ProcessorKind.CUDA, "NVIDIA H200", True)
REMOTE = Processor(ProcessorKind.RUNPOD, "RunPod L4", True)
OFF = Processor(ProcessorKind.RUNPOD, "RunPod L4", False, "RunPod needs a bucket.")


def on_cpu(seconds: float = 600, *, busy: bool = False) -> Candidate:
    return Candidate(Estimate(Route.LOCAL, CPU, seconds, 0.0, False, "test"), busy)


def on_gpu(seconds: float = 6, *, busy: bool = False) -> Candidate:
    return Candidate(Estimate(Route.LOCAL, GPU, seconds, 0.0, False, "test"), busy)


def at_runpod(seconds: float = 40, cost: float = 0.02, processor: Processor = REMOTE) -> Candidate:
    return Candidate(Estimate(Route.RUNPOD, processor, seconds, cost, False, "test"))


@pytest.mark.parametrize(
    ("processors", "taken", "reason"),
    [
        ([on_cpu()], CPU, "This machine's Some CPU: the only processor here."),
        ([on_gpu()], GPU, "This machine's NVIDIA H200: the only processor here."),
        ([on_gpu(), at_runpod()], GPU, "This machine's NVIDIA H200: it is free, and takes about 6 s."),
        (
            [on_gpu(busy=True), at_runpod()],
            REMOTE,
            "RunPod L4: about 40 s for $0.02; NVIDIA H200 here has other jobs to do.",
        ),
        (
            [on_cpu(), at_runpod()],
            REMOTE,
            "RunPod L4: about 40 s for $0.02; Some CPU here would take 10 min.",
        ),
        (
            [on_cpu(30), at_runpod()],
            CPU,
            "This machine's Some CPU: done in about 30 s, sooner than by RunPod, and free.",
        ),
        (
            [on_cpu(30, busy=True), at_runpod()],
            REMOTE,
            "RunPod L4: about 40 s for $0.02; Some CPU here has other jobs to do.",
        ),
        (
            [on_cpu(), at_runpod(processor=OFF)],
            CPU,
            "This machine's Some CPU: RunPod is out of reach (RunPod needs a bucket).",
        ),
        ([on_gpu(busy=True), on_cpu()], GPU, "This machine's NVIDIA H200: the fastest here, in about 6 s."),
    ],
)
def test_what_auto_takes(processors: list[Candidate], taken: Processor, reason: str) -> None:
    choice = choose(Route.AUTO, processors)
    assert (choice.estimate.processor, choice.reason) == (taken, reason)
    (recommended,) = [each for each in mark_recommended(processors) if each.recommended]
    assert recommended.processor == taken


def test_a_route_can_be_forced() -> None:
    both = [on_gpu(), at_runpod()]
    assert choose(Route.RUNPOD, both).reason == "RunPod L4, as asked."
    assert choose(Route.LOCAL, [on_cpu(), on_gpu(busy=True), at_runpod()]).estimate.processor is GPU


@pytest.mark.parametrize(
    ("asked", "processors", "why"),
    [
        (Route.RUNPOD, [on_cpu()], "RunPod is not set up on this server"),
        (Route.RUNPOD, [on_cpu(), at_runpod(processor=OFF)], "RunPod needs a bucket"),
        (Route.LOCAL, [at_runpod()], "“local” is not available here"),
        (Route.AUTO, [], "reelballers worker"),
    ],
)
def test_what_cannot_be_had_says_why(asked: Route, processors: list[Candidate], why: str) -> None:
    with pytest.raises(ReelError, match=why) as caught:
        choose(asked, processors)
    assert caught.value.problem.code == "route.unavailable"


# Caps

TIGHT = Policy([Allowance("your cap for today", 5.0, 0.01)])


def test_beyond_a_cap_auto_stays_here_and_says_why() -> None:
    choice = choose(Route.AUTO, [on_cpu(), at_runpod(cost=0.3)], TIGHT)
    assert choice.estimate.processor is CPU
    assert "costs about $0.30, and of your cap for today ($5.00) $0.01 is left" in choice.reason
    shown = mark_recommended([on_cpu(), at_runpod(cost=0.3)], TIGHT)
    assert not shown[1].processor.available
    assert "cap for today" in shown[1].processor.reason


def test_beyond_a_cap_a_forced_route_is_refused() -> None:
    with pytest.raises(ReelError, match="cap for today") as caught:
        choose(Route.RUNPOD, [on_cpu(), at_runpod(cost=0.3)], TIGHT)
    assert caught.value.problem.code == "route.cap"


def test_within_its_caps_it_runs() -> None:
    assert choose(Route.RUNPOD, [at_runpod(cost=0.01)], TIGHT).estimate.processor is REMOTE


def test_every_cap_counts() -> None:
    policy = Policy(
        [Allowance("your cap for today", 5, 5), Allowance("this server's cap for this month", 9, 0)]
    )
    with pytest.raises(ReelError, match="this server's cap for this month"):
        choose(Route.RUNPOD, [at_runpod()], policy)


# The circuit breaker

FAULT = [Outcome(1000.0 - number, True) for number in range(FAILURES)]


def test_a_few_failures_are_no_reason() -> None:
    assert distrust([], 1000) == ""
    assert distrust(FAULT[:-1], 1000) == ""
    assert distrust([FAULT[0], Outcome(990.0), *FAULT[1:]], 1000) == ""


def test_after_failures_in_a_row_it_is_left_alone_for_a_while_and_then_tried_once() -> None:
    assert "tried again in about 5 min" in distrust(FAULT, 1000)
    after = 1000 + PAUSE_SECONDS
    assert distrust(FAULT, after) == ""
    trial = Outcome(None)
    assert "one job is trying" in distrust([trial, *FAULT], after)
    assert distrust([Outcome(after), *FAULT], after) == ""
    assert "10 min" in distrust([Outcome(after, True), *FAULT], after)
    many = [Outcome(1000.0, True)] * 20
    assert distrust(many, 1000 + LONGEST_PAUSE_SECONDS - 1) != ""
    assert distrust(many, 1000 + LONGEST_PAUSE_SECONDS) == ""


def test_the_breaker_sends_jobs_home() -> None:
    policy = Policy(distrust=distrust(FAULT, 1000))
    choice = choose(Route.AUTO, [on_cpu(), at_runpod()], policy)
    assert choice.estimate.processor is CPU
    assert "failed 3 times in a row" in choice.reason
    with pytest.raises(ReelError, match="failed 3 times") as caught:
        choose(Route.RUNPOD, [on_cpu(), at_runpod()], policy)
    assert caught.value.problem.code == "route.unavailable"
