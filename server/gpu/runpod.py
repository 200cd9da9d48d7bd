"""A client of RunPod Serverless: submit, status, stream, cancel, health of one endpoint.

Reading and cancelling are tried again after 429, 5xx and broken connections. A submission is tried again only
where the other side surely did nothing (429, no connection); else `SubmissionUnclear` says so: the job may be
there, and its claim (see `server.gpu.tasks`) is what keeps it from being run twice.

RunPod's own client is not used here: it gives None for a failed job and its stream never ends on a cancelled
one.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import httpx

from pycore.protocol import ReelError

BASE_URL = "https://api.runpod.ai/v2"
ATTEMPTS = 5
LONGEST_WAIT_S = 20.0
MOST_BODY = 10_000_000
"""RunPod's limit on what /run takes, in bytes."""
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_LEAST_MS = 5_000


class RemoteState(StrEnum):
    """RunPod's job states."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def final(self) -> bool:
        return self not in (RemoteState.IN_QUEUE, RemoteState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the endpoint tells it. `output` is the newest progress while it runs, the handler's result
    once it is COMPLETED. `execution_s`: how long the handler ran; `delay_s`: how long it waited for a
    worker."""

    id: str
    state: RemoteState
    output: Any = None
    error: Any = None
    execution_s: float = 0.0
    delay_s: float = 0.0
    worker_id: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How many jobs are in which state, and what the workers do, by RunPod's names for both."""

    jobs: dict[str, int] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)


class SubmissionUnclear(Exception):
    """A submission without an answer: the job may be there or not."""


class RunPodClient:
    """One endpoint. Thread-safe. `sleep` and `jitter` (0 to 1) are for tests."""

    def __init__(
        self,
        api_key: str,
        endpoint: str,
        base_url: str = BASE_URL,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url.rstrip('/')}/{endpoint}/",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=timeout,
            transport=transport,
        )
        self._sleep = sleep
        self._jitter = jitter

    def submit(
        self, input: dict[str, Any], *, execution_s: float, ttl_s: float, webhook: str | None = None
    ) -> RemoteJob:
        """Queues a job. It may run for `execution_s` and is dropped `ttl_s` after now wherever it is then.

        Raises SubmissionUnclear when no answer says whether it was queued; ReelError `runpod.refused` or
        `runpod.unavailable` when it surely was not.
        """
        policy = {"executionTimeout": max(_ms(execution_s), _LEAST_MS), "ttl": max(_ms(ttl_s), 2 * _LEAST_MS)}
        body: dict[str, Any] = {"input": input, "policy": policy}
        if webhook:
            body["webhook"] = webhook
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._http.post("run", json=body)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if attempt == ATTEMPTS:
                    raise _unavailable(f"no connection: {error}") from error
                self._wait(attempt, None)
                continue
            except httpx.TransportError as error:
                raise SubmissionUnclear(type(error).__name__) from error
            if answer.status_code == 429 and attempt < ATTEMPTS:
                self._wait(attempt, answer)
            elif answer.status_code == 429:
                raise _unavailable("it is overrun (429)")
            elif answer.status_code >= 500:
                raise SubmissionUnclear(f"HTTP {answer.status_code}")
            elif answer.status_code >= 400:
                raise _refused(answer)
            else:
                try:
                    return _job(_body(answer))
                except ReelError as error:
                    raise SubmissionUnclear(error.problem.detail) from error

    def status(self, remote_id: str) -> RemoteJob | None:
        """The job as it is; None where the endpoint knows of none (any more: results are kept for half an
        hour)."""
        answer = self._ask("GET", f"status/{remote_id}")
        return None if answer is None else _job(answer)

    def stream(self, remote_id: str) -> Iterator[Any]:
        """What the handler yields, until the job is over in whatever way."""
        while True:
            answer = self._ask("GET", f"stream/{remote_id}")
            if answer is None:
                return
            for each in answer.get("stream") or ():
                yield each.get("output") if isinstance(each, dict) else each
            if _state(answer).final and not answer.get("stream"):
                return

    def cancel(self, remote_id: str) -> RemoteJob | None:
        """Cancels a job; one that is over stays as it is. None where the endpoint knows of none."""
        answer = self._ask("POST", f"cancel/{remote_id}")
        return None if answer is None else _job(answer)

    def health(self) -> Health:
        answer = self._ask("GET", "health")
        if answer is None:
            raise ReelError.of(
                "runpod.no-endpoint",
                "RunPod has no such endpoint",
                hint="Correct REELBALLERS_RUNPOD_ENDPOINT: it is the id that the console shows.",
                status=502,
            )
        return Health(_counts(answer.get("jobs")), _counts(answer.get("workers")))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ask(self, method: str, path: str) -> dict[str, Any] | None:
        """The answer, None for 404. Raises ReelError."""
        attempt = 0
        while True:
            attempt += 1
            answer: httpx.Response | None = None
            try:
                answer = self._http.request(method, path)
                if answer.status_code == 404:
                    return None
                if answer.status_code != 429 and answer.status_code < 500:
                    if answer.status_code >= 400:
                        raise _refused(answer)
                    return _body(answer)
                trouble = f"HTTP {answer.status_code}"
            except httpx.TransportError as error:
                trouble = type(error).__name__
            if attempt == ATTEMPTS:
                raise _unavailable(trouble)
            self._wait(attempt, answer)

    def _wait(self, attempt: int, answer: httpx.Response | None) -> None:
        """Twice as long each time, somewhere between half and all of it, so that clients do not come back
        together; or as long as the answer asks."""
        wait = 0.5 * 2**attempt * (0.5 + 0.5 * self._jitter())
        asked = answer.headers.get("retry-after", "") if answer is not None else ""
        if asked.isdecimal():
            wait = max(wait, float(asked))
        self._sleep(min(wait, LONGEST_WAIT_S))


def _refused(answer: httpx.Response) -> ReelError:
    if answer.status_code in (401, 403):
        return ReelError.of(
            "runpod.key",
            "RunPod does not take the API key",
            f"HTTP {answer.status_code}.",
            "Correct REELBALLERS_RUNPOD_API_KEY; the key must be allowed to use this endpoint.",
            502,
        )
    return ReelError.of(
        "runpod.refused",
        "RunPod refused the request",
        f"HTTP {answer.status_code}: {answer.text[:200]}",
        "Check REELBALLERS_RUNPOD_ENDPOINT; `reelballers doctor` says what is wrong.",
        502,
    )


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _unavailable(f"it answered {answer.text[:80]!r}")
    return body


def _job(body: dict[str, Any]) -> RemoteJob:
    remote_id = body.get("id")
    if not isinstance(remote_id, str) or not remote_id:
        raise _unavailable(f"its answer names no job: {str(body)[:80]}")
    return RemoteJob(
        id=remote_id,
        state=_state(body),
        output=body.get("output"),
        error=body.get("error"),
        execution_s=_seconds(body.get("executionTime")),
        delay_s=_seconds(body.get("delayTime")),
        worker_id=str(body.get("workerId") or ""),
    )


def _state(body: dict[str, Any]) -> RemoteState:
    try:
        return RemoteState(str(body.get("status")))
    except ValueError:
        raise _unavailable(f"it tells of a state {body.get('status')!r}") from None


def _counts(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {str(name): count for name, count in value.items() if isinstance(count, int)}


def _seconds(milliseconds: Any) -> float:
    return milliseconds / 1000 if isinstance(milliseconds, (int, float)) and milliseconds > 0 else 0.0


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _unavailable(why: str) -> ReelError:
    return ReelError.of(
        "runpod.unavailable",
        "RunPod does not answer as it should",
        f"{why[:1].upper()}{why[1:]}.",
        "Try again in a moment, or export on this machine.",
        503,
    )
