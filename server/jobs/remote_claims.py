"""Claims: who may work on an attempt at RunPod, and how it is called off for certain.

An attempt's claim is an object that can be created once. The worker that creates it writes its RunPod job's
id into it and does the work. Taken here, with nothing in it, nobody will ever work on that attempt.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from pycore.protocol import ReelError
from server.db.attempts import CLAIMS, Attempt, Attempts, End
from server.gpu.runpod import RemoteJob, RunPodClient
from server.jobs.remote_ledger import RemoteLedger
from server.storage.base import Storage

_log = logging.getLogger(__name__)

CANCEL_SECONDS = 30.0
CLAIM_DAYS = 8
"""Longer than any presigned URL lasts: a worker with one must find the claim."""
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Claims:
    """`clock` gives Unix seconds; `stopping` is set when this process is to end."""

    storage: Storage
    attempts: Attempts
    client: RunPodClient
    ledger: RemoteLedger
    stopping: Event
    clock: Callable[[], float] = time.time

    def holder(self, attempt: Attempt) -> str | None:
        """The RunPod job that has the claim, if one has."""
        if self.storage.stat(attempt.claim_key) is None:
            return None
        return b"".join(self.storage.get(attempt.claim_key)).decode() or None

    def take(self, attempt: Attempt) -> bool:
        """Whether the claim could be taken here: then no worker has begun, or ever will."""
        return self.storage.put_once(attempt.claim_key, [b""])

    def call_off(self, attempt: Attempt, end: End = End.CANCELLED) -> None:
        """Nobody works on the attempt when this returns, or ever after; it is ended with what it cost."""
        if self.take(attempt):
            if attempt.remote_id is not None:
                self._cancel(attempt.remote_id)
            self.attempts.end(attempt.id, End.WITHDRAWN if end is End.CANCELLED else end, 0.0)
            return
        remote: RemoteJob | None = None
        for remote_id in dict.fromkeys((attempt.remote_id, self.holder(attempt))):
            if remote_id:
                remote = self._cancel(remote_id) or remote
        self.attempts.end(attempt.id, end, self.ledger.cost(attempt, remote, None))

    def sweep(self) -> None:
        """Calls off what runs for nobody, and clears away claims that no URL leads to any more."""
        for attempt in self.attempts.orphans():
            _log.warning("attempt %s of job %s is wanted no more: calling it off", attempt.id, attempt.job_id)
            self.call_off(attempt)
        for each in self.storage.objects(CLAIMS):
            if each.modified_at < self.clock() - CLAIM_DAYS * 86400:
                self.storage.delete(each.key)

    def _cancel(self, remote_id: str) -> RemoteJob | None:
        """Cancels a RunPod job and waits until it is over, so that its cost is known."""
        until = self.clock() + CANCEL_SECONDS
        remote: RemoteJob | None = None
        try:
            remote = self.client.cancel(remote_id)
            while remote is not None and not remote.state.final and self.clock() < until:
                self.stopping.wait(_LOOK_SECONDS)
                remote = self.client.status(remote_id)
        except ReelError as error:
            _log.warning("RunPod's job %s: cancelling it failed: %s", remote_id, error.problem)
        return remote
