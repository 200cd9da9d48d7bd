"""Which of the ways to export is recommended: the server's, whose picture is better, unless there is none or
the wait for it would be out of all proportion."""

from collections.abc import Sequence
from dataclasses import replace

from pycore.protocol import Estimate, LocalOffer

_LONG_S = 300.0
_TIMES = 8.0
"""A server that takes so many times longer, and more than _LONG_S, is not worth its better picture."""


def advise(
    offer: LocalOffer | None, estimates: Sequence[Estimate]
) -> tuple[LocalOffer | None, list[Estimate]]:
    """The same, with exactly one of them recommended where any is available."""
    if offer is None or not offer.available:
        return offer, list(estimates)
    best = next((each for each in estimates if each.recommended and each.processor.available), None)
    if best is not None and not _far_slower(best, offer):
        return replace(offer, recommended=False), list(estimates)
    return replace(offer, recommended=True), [replace(each, recommended=False) for each in estimates]


def _far_slower(server: Estimate, offer: LocalOffer) -> bool:
    if offer.seconds is None:
        return False
    return server.seconds > _LONG_S and server.seconds > _TIMES * offer.seconds
