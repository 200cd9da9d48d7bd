"""Whether the preview keeps up: drops a tier under sustained load and comes back. Pure; the caller brings the
clock."""

SLOW_MS = 1000 / 60 * 2 / 3
"""A frame that takes the GPU longer than two thirds of a 60 fps interval, waiting included, is slow."""

SUSTAINED_S = 1.5
"""For how long most frames must be slow before a tier is dropped: a garbage collection or a window that opens
is none of that."""

CALM_S = 10.0
"""For how long they must not be, before the tier comes back. Doubled each time that it did not last."""

MOST_CALM_S = 160.0
_FORGETS = 0.9


class Load:
    """`lowered`: by how many tiers the preview is below the one that was measured to fit."""

    def __init__(self, most: int) -> None:
        """`most`: how far it may go down."""
        self.lowered = 0
        self._most = most
        self._slow = 0.0  # the share of frames that were slow, the latest counting most
        self._since: float | None = None  # since when that has been on one side
        self._pressed = False
        self._calm_s = CALM_S
        self._raised: float | None = None

    def frame(self, took_ms: float, now: float) -> bool:
        """Takes in how long a frame took; `now` in seconds. Whether `lowered` has changed."""
        self._slow = self._slow * _FORGETS + (1 - _FORGETS) * (took_ms > SLOW_MS)
        pressed = self._slow > 0.5
        if pressed != self._pressed or self._since is None:
            self._pressed, self._since = pressed, now
        lasted = now - self._since
        if pressed and lasted >= SUSTAINED_S and self.lowered < self._most:
            if self._raised is not None and now - self._raised < self._calm_s:
                self._calm_s = min(2 * self._calm_s, MOST_CALM_S)
            self.lowered += 1
        elif not pressed and lasted >= self._calm_s and self.lowered > 0:
            self.lowered -= 1
            self._raised = now
        else:
            return False
        self._slow, self._pressed, self._since = 0.0, False, now
        return True
