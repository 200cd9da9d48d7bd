"""What came of a job at RunPod, by what lies in the storage, and what it cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from server.config.runpod import RunPodSettings
from server.db.attempts import Attempt
from server.db.documents import load
from server.gpu.prices import Prices
from server.gpu.runpod import RemoteJob
from server.gpu.tasks import Metadata
from server.storage.base import Storage
from server.storage.keys import remote_facts_key


@dataclass(frozen=True, slots=True)
class RemoteLedger:
    """`clock` gives Unix seconds."""

    storage: Storage
    settings: RunPodSettings
    prices: Prices
    clock: Callable[[], float] = time.time

    def metadata(self, job_id: str, result_key: str) -> Metadata | None:
        """What the worker left beside its result, where both are there and belong together. RunPod keeps
        outputs for half an hour, and late progress may hide them: this is what counts."""
        file = self.storage.stat(result_key)
        if file is None or self.storage.stat(remote_facts_key(job_id)) is None:
            return None
        metadata = load(Metadata, b"".join(self.storage.get(remote_facts_key(job_id))).decode())
        return metadata if metadata.bytes == file.bytes else None

    def cost(self, attempt: Attempt, remote: RemoteJob | None, metadata: Metadata | None) -> float:
        """Dollars by the price table (RunPod's bill has no line for one job): by the time that RunPod tells,
        else by what the worker tells, else by the time since it was begun."""
        if remote is not None and remote.state.final and not remote.execution_s and metadata is None:
            return 0.0  # it waited, and was never at work
        if remote is not None and remote.execution_s:
            seconds = remote.execution_s
        elif metadata is not None:
            seconds = metadata.seconds
        else:
            seconds = max(self.clock() - attempt.created_at, 0.0)
        gpu, start = attempt.gpu, self.prices.start_seconds
        if metadata is not None:
            gpu = self.prices.class_of(metadata.device, attempt.gpu)
            start = max(start, metadata.start_seconds) if metadata.start_seconds else 0.0
        return self.prices.cost(gpu, seconds, start_seconds=start, active=self.settings.active)
