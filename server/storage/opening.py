"""Which storage a server has: a bucket where one is configured, else a local directory."""

import time
from collections.abc import Callable

from server.config import Config
from server.storage.base import Storage
from server.storage.local import LocalStorage
from server.storage.signing import UrlSigner


def open_storage(config: Config, base: str = "/", clock: Callable[[], float] = time.time) -> Storage:
    """The storage of this configuration. `base` is where the API serves a local one's URLs; `clock` gives
    Unix seconds."""
    if config.s3 is None:
        return LocalStorage(config.storage, UrlSigner(config.signing_key(), base, clock))
    from server.storage.cache import FileCache
    from server.storage.s3 import S3Storage  # loads boto3, which takes its time

    return S3Storage(config.s3, FileCache(config.cache, config.cache_bytes), clock)
