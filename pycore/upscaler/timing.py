"""How long dispatches take on the GPU: repeated until their sum is long against what the clock is rounded to,
the best of several tries."""

from collections.abc import Sequence
from dataclasses import dataclass

from pycore.backends.gpu import Device, Dispatch

GAIN = 1.1
"""How many times faster something must be than the default to replace it."""

MOST_ROUNDS = 1000

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
