"""Token buckets: so much at once, so much per second, for each of many."""

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEYS = 10_000


class RateLimit:
    """`burst` at once, `per_second` in the long run, for each key. For one event loop; `clock` in seconds."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Takes one; the seconds to wait where there is none (0: it was taken)."""
        now = self._clock()
        left = self._now(key, now)
        short = max(1 - left, 0.0)
        self._keep(key, left if short else left - 1, now)
        return short / self._per_second

    def wait(self, key: str) -> float:
        """The seconds to wait until one is there; takes nothing."""
        return max(1 - self._now(key, self._clock()), 0.0) / self._per_second

    def _now(self, key: str, now: float) -> float:
        left, since = self._left.get(key, (self._burst, now))
        return min(self._burst, left + (now - since) * self._per_second)

    def _keep(self, key: str, left: float, now: float) -> None:
        self._left[key] = (left, now)
        self._left.move_to_end(key)
        if len(self._left) > MOST_KEYS:
            self._left.popitem(last=False)
