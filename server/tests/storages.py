"""Every storage there is, each with a client that its URLs work with: what the contract is run over."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx
import pytest

from pycore.protocol import ReelError
from server.api.main import PREFIX, create_app
from server.config import Config
from server.config.s3 import S3Settings, s3_settings
from server.storage.base import Storage
from server.storage.cache import FileCache
from server.storage.local import LocalStorage
from server.storage.s3 import S3Storage
from server.storage.signing import UrlSigner
from server.tests.asgi import SyncClient


@dataclass
class Stored:
    """A storage, a client that its URLs work with, what it takes for now in Unix seconds, and a way to let
    that moment pass."""

    storage: Storage
    http: SyncClient | httpx.Client
    now: int
    wait_until: Callable[[float], None]


@contextmanager
def _local(request: pytest.FixtureRequest) -> Iterator[Stored]:
    config = Config(data=request.getfixturevalue("tmp_path") / "data")
    config.prepare()
    now = [1_800_000_000.0]
    signer = UrlSigner(config.signing_key(), f"{PREFIX}/storage", lambda: now[0])
    storage = LocalStorage(config.storage, signer)
    with SyncClient(create_app(config, lambda: now[0])) as client:
        yield Stored(storage, client, int(now[0]), lambda moment: now.__setitem__(0, moment))


@contextmanager
def _bucket(settings: S3Settings, request: pytest.FixtureRequest) -> Iterator[Stored]:
    own = replace(settings, prefix=f"{settings.prefix}test-{secrets.token_hex(6)}/")
    storage = S3Storage(own, FileCache(request.getfixturevalue("tmp_path") / "cache", 1 << 30))
    with httpx.Client(timeout=60) as http:
        yield Stored(storage, http, int(time.time()), _sleep_until)
    for each in storage.objects(""):
        storage.delete(each.key)


@contextmanager
def _seaweed(request: pytest.FixtureRequest) -> Iterator[Stored]:
    with _bucket(request.getfixturevalue("seaweed"), request) as fixture:
        yield fixture


@contextmanager
def _r2(request: pytest.FixtureRequest) -> Iterator[Stored]:
    settings = s3_settings(
        {
            name.replace("REELBALLERS_TEST_R2", "REELBALLERS_S3"): value
            for name, value in os.environ.items()
            if "REELBALLERS_TEST_R2" in name
        }
    )
    assert settings is not None
    with _bucket(settings, request) as fixture:
        yield fixture


def _sleep_until(moment: float) -> None:
    while time.time() < moment:
        time.sleep(0.05)


IMPLEMENTATIONS = {"local": _local, "seaweed": _seaweed}
if "REELBALLERS_TEST_R2_ENDPOINT" in os.environ:  # a real bucket, to be named on purpose
    IMPLEMENTATIONS["r2"] = _r2


def content(storage: Storage, key: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(storage.get(key, start, stop))


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ReelError) as caught:
        action()
    return caught.value.problem.code
