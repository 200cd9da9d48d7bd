"""Decides where a job runs, and says why. Pure; nobody else decides.

Left to itself it takes this server's GPU where that is free, else RunPod where that is configured and may be
paid for, else this server's processors as they are: the GPU after what waits for it, or the CPU.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from pycore.protocol import Estimate, ProcessorKind, ReelError, Route

_GPUS = (ProcessorKind.CUDA, ProcessorKind.MPS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A processor with what the job would take there; `busy`: other jobs come first; `capped`: it may not
    be paid for."""

    estimate: Estimate
    busy: bool = False
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may still be spent: `whose` is for people ("your cap for today")."""

    whose: str
    cap_usd: float
    left_usd: float


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for paid routes. `distrust`: why RunPod is left alone for now, "" when it is not."""

    allowances: Sequence[Allowance] = field(default_factory=tuple)
    distrust: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The estimate whose route and processor are taken, and the reason in one sentence for people."""

    estimate: Estimate
    reason: str


def choose(asked: Route, processors: Sequence[Candidate], policy: Policy | None = None) -> Choice:
    """Picks one of the processors. Raises ReelError `route.unavailable` or `route.cap` when what was asked
    for, or anything at all, cannot be had."""
    policy = policy or Policy()
    every = [under(policy, each) for each in processors]
    usable = [each for each in every if each.estimate.processor.available]
    if asked is not Route.AUTO:
        return _as_asked(asked, every, usable)
    if not usable:
        reasons = " ".join(each.estimate.processor.reason for each in every if each.estimate.processor.reason)
        raise _unavailable(reasons or "No processor is there.", "Start a worker: `reelballers worker`.")
    return _best(every, usable)


def mark_recommended(processors: Sequence[Candidate], policy: Policy | None = None) -> list[Estimate]:
    """The estimates as people see them: what may not be paid for is not available, and the one that AUTO
    would take is marked."""
    policy = policy or Policy()
    every = [under(policy, each) for each in processors]
    if not any(each.estimate.processor.available for each in every):
        return [each.estimate for each in every]
    best = _best(every, [each for each in every if each.estimate.processor.available]).estimate
    return [dataclasses.replace(each.estimate, recommended=each.estimate is best) for each in every]


def under(policy: Policy, candidate: Candidate) -> Candidate:
    """The candidate as the policy leaves it."""
    estimate = candidate.estimate
    if not estimate.processor.available or estimate.route is not Route.RUNPOD:
        return candidate
    beyond = [_beyond(each, estimate) for each in policy.allowances if estimate.cost_usd > each.left_usd]
    reason = policy.distrust or next(iter(beyond), "")
    if not reason:
        return candidate
    processor = dataclasses.replace(estimate.processor, available=False, reason=reason)
    barred = dataclasses.replace(estimate, processor=processor)
    return Candidate(barred, candidate.busy, capped=not policy.distrust)


def _as_asked(asked: Route, every: Sequence[Candidate], usable: Sequence[Candidate]) -> Choice:
    matching = [each.estimate for each in usable if each.estimate.route is asked]
    if matching:
        best = min(matching, key=lambda each: each.seconds)
        return Choice(best, f"{_label(best)}, as asked.")
    refused = [each for each in every if each.estimate.route is asked]
    reason = next((each.estimate.processor.reason for each in refused if each.estimate.processor.reason), "")
    hint = "Choose “auto”." if usable else ""
    if any(each.capped for each in refused):
        raise ReelError.of("route.cap", "A spending cap is in the way", reason, hint, 409)
    if asked is Route.RUNPOD and not refused:
        reason = "RunPod is not set up on this server."
    detail = f"The route “{asked.value}” is not available here"
    raise _unavailable(f"{detail}: {reason}" if reason else f"{detail}.", hint)


def _best(every: Sequence[Candidate], usable: Sequence[Candidate]) -> Choice:
    local = [each for each in usable if each.estimate.route is Route.LOCAL]
    gpus = [each for each in local if each.estimate.processor.kind in _GPUS]
    remote = min(
        (each.estimate for each in usable if each.estimate.route is Route.RUNPOD),
        key=lambda each: each.seconds,
        default=None,
    )
    free_gpus = [each.estimate for each in gpus if not each.busy]
    if free_gpus:
        best = min(free_gpus, key=lambda each: each.seconds)
        if len(every) == 1:
            return Choice(best, f"{_label(best)}: the only processor here.")
        return Choice(best, f"{_label(best)}: it is free, and takes about {_span(best)}.")
    here = min(local, key=_turn, default=None)
    if remote is None:
        assert here is not None
        return Choice(here.estimate, f"{_label(here.estimate)}: {_why_here(every, here)}.")
    price = f"about {_span(remote)} for {_money(remote.cost_usd)}"
    if here is None:
        return Choice(remote, f"{_label(remote)}: {price}; no worker runs here.")
    if here.busy:
        return Choice(remote, f"{_label(remote)}: {price}; {_name(here.estimate)} here has other jobs to do.")
    if here.estimate.seconds <= remote.seconds:
        best = here.estimate
        return Choice(best, f"{_label(best)}: done in about {_span(best)}, sooner than by RunPod, and free.")
    return Choice(
        remote, f"{_label(remote)}: {price}; {_name(here.estimate)} here would take {_span(here.estimate)}."
    )


def _turn(candidate: Candidate) -> tuple[bool, float]:
    """A GPU before a CPU, then the faster."""
    return candidate.estimate.processor.kind not in _GPUS, candidate.estimate.seconds


def _why_here(every: Sequence[Candidate], here: Candidate) -> str:
    refused = [each.estimate.processor.reason for each in every if each.estimate.route is Route.RUNPOD]
    if refused and refused[0]:
        return f"RunPod is out of reach ({refused[0].rstrip('.')})"
    if len(every) == 1:
        return "the only processor here"
    return f"the fastest here, in about {_span(here.estimate)}"


def _beyond(allowance: Allowance, estimate: Estimate) -> str:
    left = _money(max(allowance.left_usd, 0.0))
    cost, cap = _money(estimate.cost_usd), _money(allowance.cap_usd)
    return f"This costs about {cost}, and of {allowance.whose} ({cap}) {left} is left."


def _label(estimate: Estimate) -> str:
    return ("This machine's " if estimate.route is Route.LOCAL else "") + _name(estimate)


def _name(estimate: Estimate) -> str:
    return estimate.processor.name


def _span(estimate: Estimate) -> str:
    seconds = estimate.seconds
    return f"{max(seconds, 1):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _money(usd: float) -> str:
    return f"${usd:.2f}" if usd >= 0.01 or usd == 0 else f"${usd:.4f}"


def _unavailable(detail: str, hint: str) -> ReelError:
    return ReelError.of("route.unavailable", "No processor for this", detail, hint, 409)
