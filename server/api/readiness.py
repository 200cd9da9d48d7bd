"""Whether this server can do its work. Anyone may ask, so asking often costs no more than asking once."""

import logging
import threading
import time
from collections.abc import Callable

from pycore.protocol import ReelError
from server.db.database import Database
from server.storage.base import Storage

KNOWN_SECONDS = 2.0
"""What was found so recently is not looked for again."""

_log = logging.getLogger(__name__)


class Readiness:
    """Reads the database and writes to the storage. `clock` in seconds."""

    def __init__(
        self, database: Database, storage: Storage, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._looks = {
            "The database does not answer.": database.check,
            "The storage takes no files.": lambda: storage.put("system/ready", [b"ready"]),
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, str] | None = None

    def check(self) -> None:
        """ReelError `server.not-ready` says what is wrong, and the log has the details."""
        with self._lock:
            if self._known is None or self._clock() - self._known[0] >= KNOWN_SECONDS:
                self._known = (self._clock(), self._trouble())
            trouble = self._known[1]
        if trouble:
            raise ReelError.of(
                "server.not-ready",
                "The server cannot do its work",
                trouble,
                "`reelballers doctor` says what is wrong.",
                503,
            )

    def _trouble(self) -> str:
        for trouble, look in self._looks.items():
            try:
                look()
            except Exception:  # noqa: BLE001  whatever it is, the log has it
                _log.exception("not ready: %s", trouble)
                return trouble
        return ""
