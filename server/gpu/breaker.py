"""The circuit breaker of RunPod: after some failures in a row that were its own it is left alone for a
while, then one job may try it again. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

FAILURES = 3
"""So many in a row open it."""
PAUSE_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended, and when (Unix seconds; None: it has not). `fault`: it failed, and not because
    of the job."""

    ended_at: float | None
    fault: bool = False


def distrust(newest_first: Sequence[Outcome], now: float) -> str:
    """Why RunPod is left alone now, in words; "" when it is not. The pause doubles with each failed trial;
    while a trial runs nothing else is sent."""
    ended = [each for each in newest_first if each.ended_at is not None]
    failures = 0
    for each in ended:
        if not each.fault:
            break
        failures += 1
    if failures < FAILURES:
        return ""
    latest = ended[0].ended_at
    assert latest is not None
    pause = min(PAUSE_SECONDS * 2 ** (failures - FAILURES), LONGEST_PAUSE_SECONDS)
    if now < latest + pause:
        minutes = max(round((latest + pause - now) / 60), 1)
        return f"RunPod failed {failures} times in a row; it is tried again in about {minutes} min."
    if any(each.ended_at is None for each in newest_first):
        return f"RunPod failed {failures} times in a row; one job is trying it again."
    return ""
