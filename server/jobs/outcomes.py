"""What a durable step comes to: it never raises, its recorded result says how it went, so that a repeated
workflow takes the same way."""

import errno
import logging
import threading
from collections.abc import Callable
from typing import Any

from pycore.protocol import Problem, ReelError
from server.db.documents import dump, load
from server.gpu.base import Stopped
from server.jobs.steps import Cancelled

_log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a step is tried that fails for a reason nobody foresaw."""

Outcome = dict[str, Any]
"""{"value": JSON text} | {"problem": JSON text} | {"cancelled": true}"""


def attempt(
    what: str, stopping: threading.Event, work: Callable[[], str | None], attempts: int = ATTEMPTS
) -> Outcome:
    """What `work` comes to, tried again when it fails for a reason that nobody foresaw. Stopped passes."""
    for attempt in range(1, attempts + 1):
        try:
            return {"value": work()}
        except Stopped:
            raise
        except Cancelled:
            return {"cancelled": True}
        except ReelError as error:
            if error.problem.status != 503 or attempt == attempts:
                return {"problem": dump(error.problem)}
            _log.warning("%s: %s; trying again", what, error)
            stopping.wait(attempt)  # something beyond this machine, such as the bucket, is away for a moment
        except Exception as error:  # noqa: BLE001  whatever it is, the job's owner is told
            _log.exception("%s failed, attempt %d of %d", what, attempt, attempts)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                return {"problem": dump(_DISK_FULL)}
            if attempt == attempts:
                return {"problem": dump(_internal(what, error))}
            stopping.wait(attempt)
    raise AssertionError("the last attempt returns")


def value(outcome: Outcome) -> Any:
    """What the step came to. Raises Cancelled, or the ReelError that it ended with."""
    if "cancelled" in outcome:
        raise Cancelled
    if "problem" in outcome:
        raise ReelError(load(Problem, outcome["problem"]))
    return outcome["value"]


_DISK_FULL = Problem(
    "storage.full",
    "The disk is full",
    "There is no room for the next piece of the result.",
    "Free some space, or delete old results, and try again.",
    507,
)


def _internal(what: str, error: Exception) -> Problem:
    return Problem(
        "job.internal",
        "The job failed for a reason that we did not foresee",
        f"{what.partition(': ')[2].capitalize()}: {type(error).__name__}: {error}"[:500],
        "The worker's log has the details. Try again; if it happens again, please report it.",
        500,
    )
