"""Decides where an export runs, and says why. Pure; nobody else decides."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pycore.protocol import Estimate, ReelError, Route


@dataclass(frozen=True, slots=True)
class Choice:
    """The estimate whose route and processor are taken, and the reason in one sentence for people."""

    estimate: Estimate
    reason: str


def choose(asked: Route, estimates: Sequence[Estimate]) -> Choice:
    """Picks among the routes that were estimated (one estimate each). AUTO takes the cheapest, and of equally
    cheap ones the fastest. Raises ReelError `route.unavailable` when what was asked for, or anything at all,
    is not there."""
    usable = [each for each in estimates if each.processor.available]
    if asked is not Route.AUTO:
        matching = [each for each in usable if each.route is asked]
        if not matching:
            reasons = [
                each.processor.reason for each in estimates if each.route is asked and each.processor.reason
            ]
            raise _unavailable(
                f"The route “{asked.value}” is not available here" + (f": {reasons[0]}" if reasons else "."),
                "Choose “auto”." if usable else "",
            )
        return Choice(matching[0], f"{_label(matching[0])}, as asked.")
    if not usable:
        reasons = " ".join(each.processor.reason for each in estimates if each.processor.reason)
        raise _unavailable(reasons or "No processor is there.", "Start a worker: `reelballers worker`.")
    best = min(usable, key=lambda each: (each.cost_usd, each.seconds))
    if len(usable) == 1:
        return Choice(best, f"{_label(best)}: the only processor here.")
    if all(each.cost_usd == best.cost_usd for each in usable):
        return Choice(best, f"{_label(best)}: the fastest here, in about {best.seconds:.0f} s.")
    price = "free" if best.cost_usd == 0 else f"${best.cost_usd:.2f}"
    return Choice(best, f"{_label(best)}: the cheapest ({price}), in about {best.seconds:.0f} s.")


def mark_recommended(estimates: Sequence[Estimate]) -> list[Estimate]:
    """The same estimates, with the one that AUTO would take marked."""
    if not any(each.processor.available for each in estimates):
        return list(estimates)
    best = choose(Route.AUTO, estimates).estimate
    return [dataclasses.replace(each, recommended=each is best) for each in estimates]


def _label(estimate: Estimate) -> str:
    where = "This machine's" if estimate.route is Route.LOCAL else "RunPod's"
    return f"{where} {estimate.processor.name}"


def _unavailable(detail: str, hint: str) -> ReelError:
    return ReelError.of("route.unavailable", "No processor for this", detail, hint, 409)
