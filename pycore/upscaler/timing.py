"""How long dispatches take on the GPU: repeated until their sum is long against what the clock is rounded to,
the best of several tries."""

from collections.abc import Sequence
from dataclasses import dataclass

from pycore.backends.gpu import Device, Dispatch

GAIN = 1.1
"""How many times faster something must be than the default to replace it."""

MOST_ROUNDS = 1000

STEADY = 0.04
"""By what share the first of several may change while the others are timed."""

MOST_TURNS = 6

BEHIND = 2.0
"""What took as many times as long as the best is not timed again."""

HOPELESS = 10
"""What takes as many times the target is not repeated: it says enough."""


@dataclass(frozen=True, slots=True)
class Effort:
    """A try shall last `target_ms`; the best of `tries` counts."""

    target_ms: float = 20.0
    tries: int = 5


async def milliseconds(device: Device, dispatches: Sequence[Dispatch], effort: Effort) -> float:
    """Per round of `dispatches`. A first round, in which drivers may still compile, does not count."""
    first = await device.run_ms(dispatches, 1)
    if first >= effort.target_ms:  # slow, or compiled only now: again, to know
        first = await device.run_ms(dispatches, 1)
        if first >= HOPELESS * effort.target_ms:
            return first
    rounds = 1
    if first < effort.target_ms:
        few = 4
        probe = await device.run_ms(dispatches, few) / few
        rounds = max(1, min(MOST_ROUNDS, round(effort.target_ms / max(probe, 1e-3))))
    return min([await device.run_ms(dispatches, rounds) / rounds for _ in range(effort.tries)])


async def compared(device: Device, ways: Sequence[Sequence[Dispatch]], effort: Effort) -> list[float]:
    """Of each way the milliseconds per round. Timed by turns until the first takes as long at the end of a
    turn as at its start: the clock of a GPU that was idle rises while it works, and what comes later would
    seem faster. The last turn counts; what was far behind is not in it."""
    took = [await milliseconds(device, ways[0], effort), *[0.0] * (len(ways) - 1)]
    for _ in range(MOST_TURNS):
        best = min(took)
        for index, way in enumerate(ways[1:], 1):
            if took[index] <= best * BEHIND:
                took[index] = await milliseconds(device, way, effort)
        before, took[0] = took[0], await milliseconds(device, ways[0], effort)
        if abs(took[0] - before) <= STEADY * took[0]:
            break
    return took
