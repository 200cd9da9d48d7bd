"""What `reelballers doctor` looks at: each check says that all is well, or what is wrong and what to do."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pycore.protocol import ReelError
from server.config import Config
from server.db.database import SCHEMA_VERSION, Database
from server.db.fleet import Fleet
from server.db.tokens import Tokens

LEAST_FREE_BYTES = 5 * 1024**3


class Verdict(StrEnum):
    GOOD = "ok"
    WEAK = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`detail` for people; `hint`: what to do, "" where there is nothing to do."""

    name: str
    verdict: Verdict
    detail: str
    hint: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """The findings, one after the other. No check's failure keeps the others from being made."""
    checks: list[tuple[str, Callable[[Config], Iterator[Finding]]]] = [
        ("data directory", _data),
        ("database", _database),
        ("storage", _storage),
        ("GPU", _gpu),
        ("models", _models),
        ("encoder", _encoder),
        ("RunPod", _runpod),
        ("page", _page),
    ]
    for name, check in checks:
        try:
            yield from check(config)
        except ReelError as error:
            problem = error.problem
            yield Finding(name, Verdict.BAD, f"{problem.title}: {problem.detail}", problem.hint)
        except Exception as error:  # noqa: BLE001  a check that breaks is a finding
            yield Finding(name, Verdict.BAD, f"{type(error).__name__}: {error}", "Please report this.")


def _data(config: Config) -> Iterator[Finding]:
    config.prepare()
    free = shutil.disk_usage(config.data).free
    detail = f"{config.data}, {free / 1024**3:.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        yield Finding(
            "data directory", Verdict.WEAK, detail, "Free some space: exports need room for segments."
        )
    else:
        yield Finding("data directory", Verdict.GOOD, detail)


def _database(config: Config) -> Iterator[Finding]:
    database = Database(config.database_url)
    try:
        database.check()
        kind = "PostgreSQL" if database.shared else "SQLite"
        yield Finding("database", Verdict.GOOD, f"{kind}, tables of version {SCHEMA_VERSION}")
        workers = Fleet(database).count()
        hint = "" if workers else "Start one: reelballers worker"
        yield Finding("workers", Verdict.GOOD if workers else Verdict.WEAK, f"{workers} alive", hint)
        if Tokens(database).any(valid=True):
            yield Finding("tokens", Verdict.GOOD, "There are tokens: who has none gets nothing")
        else:
            hint = "Before others may reach it: reelballers token create NAME"
            yield Finding("tokens", Verdict.GOOD, "None: only this machine may use the server", hint)
    finally:
        database.close()


def _storage(config: Config) -> Iterator[Finding]:
    from server.storage.opening import open_storage

    storage = open_storage(config)
    where = f"bucket {config.s3.bucket} at {config.s3.endpoint}" if config.s3 else str(config.storage)
    key, content = f"system/doctor-{os.getpid()}", b"doctor"
    try:
        storage.put(key, [content])
        if b"".join(storage.get(key)) != content:
            yield Finding("storage", Verdict.BAD, f"{where} gives back something else than was stored")
            return
    finally:
        storage.delete(key)
    yield Finding("storage", Verdict.GOOD, f"{where}: written, read and deleted")
    if config.s3 is not None:
        yield from left_behind(config)
        yield from _bucket_rules(config)


def left_behind(config: Config) -> Iterator[Finding]:
    """What was stored before there was a bucket is not found in it: neither by the page nor by RunPod."""
    from server.storage.local import LocalStorage
    from server.storage.signing import UrlSigner

    left = len(LocalStorage(config.storage, UrlSigner(b"", "/")).objects(""))
    if left:
        where = f"{left} files of before the bucket lie in {config.storage}"
        yield Finding("local files", Verdict.WEAK, where, "Stop the server, then: reelballers bucket fill")


def _bucket_rules(config: Config) -> Iterator[Finding]:
    from server.storage.bucket_rules import check_rules

    assert config.s3 is not None
    origins = config.allowed_origins or ("https://reel.example",)
    wrong = check_rules(config.s3, origins)
    if not config.allowed_origins:
        wrong = [line for line in wrong if not line.startswith("CORS")]
        hint = "reelballers bucket check --origin https://WHERE-THE-PAGE-IS"
        yield Finding("bucket's CORS", Verdict.WEAK, "Not checked: where is the page served from?", hint)
    for line in wrong:
        yield Finding("bucket's rules", Verdict.BAD, line, "reelballers bucket apply --origin URL")
    if not wrong:
        yield Finding("bucket's rules", Verdict.GOOD, "As deploy/cloudflare has them")


def _gpu(config: Config) -> Iterator[Finding]:
    from server.gpu.local import local_processor  # loads torch

    processor = local_processor(config.device).info()
    if processor.kind == "cpu":
        hint = "A CPU takes seconds per frame. With an NVIDIA GPU: python3 build.py run --torch cuda"
        yield Finding(
            "GPU", Verdict.WEAK, f"None that PyTorch can use; exports run on {processor.name}", hint
        )
    else:
        yield Finding("GPU", Verdict.GOOD, processor.name)


def _models(config: Config) -> Iterator[Finding]:
    from server.gpu.models.descriptor import available
    from server.gpu.models.registry import weights_path

    for model in available():
        missing = [name for name in model.weights if not weights_path(name).is_file()]
        if missing and model.asset:
            yield Finding("models", Verdict.GOOD, f"{model.name.value}: fetched when it is first used")
        elif missing:
            hint = "python3 build.py build fetches them; REELBALLERS_WEIGHTS names their folder."
            yield Finding("models", Verdict.BAD, f"{model.name.value}: {', '.join(missing)} missing", hint)
        else:
            yield Finding("models", Verdict.GOOD, f"{model.name.value}: weights are there")


def _encoder(config: Config) -> Iterator[Finding]:
    import numpy as np

    from pycore.protocol import Size
    from server.video.encode import SegmentWriter

    with tempfile.TemporaryDirectory(dir=config.tmp) as folder:
        target = Path(folder) / "test.mp4"
        with SegmentWriter(target, Size(64, 64), 30, 30.0) as writer:
            writer.write(np.zeros((96, 64), np.uint8), 0, 1)
    yield Finding("encoder", Verdict.GOOD, "H.264 by libx264")


def _page(config: Config) -> Iterator[Finding]:
    if config.dist is None:
        yield Finding("page", Verdict.WEAK, "Not built: the API is served alone", "python3 build.py build")
    else:
        yield Finding("page", Verdict.GOOD, str(config.dist))


def _runpod(config: Config) -> Iterator[Finding]:
    if config.runpod is None:
        yield Finding("RunPod", Verdict.GOOD, "Not configured: exports run on this machine")
        return
    from server.gpu.runpod import RunPodClient

    settings = config.runpod
    with RunPodClient(settings.api_key, settings.endpoint, settings.base_url) as client:
        workers = client.health().workers
    told = ", ".join(f"{count} {state}" for state, count in workers.items()) or "no workers"
    yield Finding("RunPod", Verdict.GOOD, f"Endpoint {settings.endpoint} answers: {told}")
    if config.s3 is None:
        hint = "Set REELBALLERS_S3_*: its workers fetch and store by presigned URLs of a bucket."
        yield Finding("RunPod's files", Verdict.BAD, "RunPod needs a bucket, and none is configured", hint)
