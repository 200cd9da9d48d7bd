"""What the server is told: command-line options first, REELBALLERS_* environment variables second, defaults
last."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pycore.protocol import ReelError
from server.config.database import database_url
from server.config.environment import PREFIX as ENVIRONMENT
from server.config.environment import names, number, wrong
from server.config.runpod import RunPodSettings, runpod_settings
from server.config.s3 import LEAST_PART_BYTES, S3Settings, s3_settings
from server.config.signing_key import signing_key

MIB = 1024 * 1024
MAX_UPLOAD_BYTES = 16 * 1024 * MIB
PART_BYTES = 8 * MIB
URL_SECONDS = 6 * 3600
REQUESTS_PER_SECOND = 50
CACHE_BYTES = 20 * 1024 * MIB
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one server. Sizes in bytes, times in seconds.

    `data` holds everything that the server keeps; `dist` is the built page (None: API only).
    `allowed_hosts` are further names under which a server bound to loopback may be addressed (a reverse
    proxy's name); bound elsewhere, any name is taken. `allowed_origins` are where pages
    other than our own may be served from that use this API. Each owner may have `quota_bytes` of media (0: no
    limit) and send `requests_per_second`. `postgres` is the URL of the database that several machines share
    ("": SQLite in `data`). With `s3` media and results lie in a bucket, else in
    `data`; of a bucket's files up to `cache_bytes` are kept here while they are in use. Media and
    results are deleted when nobody has needed them for `keep_media_days`, `keep_result_days` (0: never).
    """

    data: Path
    dist: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    device: str = "auto"
    max_upload_bytes: int = MAX_UPLOAD_BYTES
    max_body_bytes: int = MIB
    part_bytes: int = PART_BYTES
    url_seconds: int = URL_SECONDS
    quota_bytes: int = 0
    requests_per_second: int = REQUESTS_PER_SECOND
    allowed_origins: tuple[str, ...] = ()
    postgres: str = field(default="", repr=False)
    s3: S3Settings | None = None
    runpod: RunPodSettings | None = None
    cache_bytes: int = CACHE_BYTES
    keep_media_days: int = 0
    keep_result_days: int = 0

    @property
    def database_url(self) -> str:
        return self.postgres or f"sqlite:///{self.data / 'reelballers.sqlite'}"

    @property
    def workflows_url(self) -> str:
        """DBOS keeps its own tables: in a schema of its own on PostgreSQL, else in a file of its own that
        only the worker opens."""
        return self.postgres or f"sqlite:///{self.data / 'workflows.sqlite'}"

    @property
    def storage(self) -> Path:
        return self.data / "storage"

    @property
    def tmp(self) -> Path:
        """Scratch space of the worker, emptied at its start; on the storage's file system, so that moves
        are renames."""
        return self.data / "tmp"

    @property
    def cache(self) -> Path:
        """Copies of a bucket's files, on the machine that works with them."""
        return self.data / "cache"

    @property
    def loopback(self) -> bool:
        return self.host in LOOPBACK

    def prepare(self) -> None:
        """Creates the data directory, readable by this user alone. ReelError where that fails."""
        try:
            for directory in (self.data, self.storage, self.tmp):
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ReelError.of(
                "config.data-directory",
                "The data directory cannot be used",
                f"{self.data}: {error.strerror or error}.",
                "Give another with --data, or make this one writable.",
                500,
            ) from error

    def signing_key(self) -> bytes:
        """The key that presigned URLs are signed with; made on first use, readable by this user alone."""
        return signing_key(self.data / "signing.key")


def default_data(environ: Mapping[str, str] = os.environ) -> Path:
    """REELBALLERS_DATA, else the user's data directory for this program."""
    import platformdirs  # not among what a worker at RunPod has

    named = environ.get(ENVIRONMENT + "DATA")
    return Path(named) if named else platformdirs.user_data_path("reelballers", appauthor=False)


def default_dist(environ: Mapping[str, str] = os.environ) -> Path | None:
    """REELBALLERS_DIST, else the `dist` beside this source tree where it has been built."""
    named = environ.get(ENVIRONMENT + "DIST")
    built = Path(named) if named else Path(__file__).parents[2] / "dist"
    return built if named or (built / "index.html").is_file() else None


def load(
    *,
    data: Path | None = None,
    dist: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    allowed_hosts: tuple[str, ...] = (),
    device: str = "auto",
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """The configuration from options and environment. ReelError names the option that makes no sense."""
    if (tls_cert is None) != (tls_key is None):
        raise wrong("--tls-cert and --tls-key", "only one of the two is given", "Give both, or neither.")
    for option, path in (("--tls-cert", tls_cert), ("--tls-key", tls_key)):
        if path is not None and not path.is_file():
            raise wrong(option, f"{path} is not a file", "Give the path of a PEM file.")
    dist = dist or default_dist(environ)
    if dist is not None and not (dist / "index.html").is_file():
        raise wrong("--dist", f"{dist} has no index.html", "Build the page with `python3 build.py build`.")
    part_bytes = number(environ, "PART_BYTES", PART_BYTES)
    s3 = s3_settings(environ)
    if s3 is not None and part_bytes < LEAST_PART_BYTES:
        raise wrong(
            ENVIRONMENT + "PART_BYTES",
            f"{part_bytes} is less than the {LEAST_PART_BYTES} bytes that buckets take as a part",
            "Raise it or leave it out.",
        )
    return Config(
        data=(data or default_data(environ)).absolute(),
        dist=dist.absolute() if dist else None,
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        allowed_hosts=(
            *(name.lower() for name in allowed_hosts),
            *names(environ, "ALLOWED_HOSTS"),
        ),
        device=device,
        max_upload_bytes=number(environ, "MAX_UPLOAD_BYTES", MAX_UPLOAD_BYTES),
        max_body_bytes=number(environ, "MAX_BODY_BYTES", MIB),
        part_bytes=part_bytes,
        url_seconds=number(environ, "URL_SECONDS", URL_SECONDS),
        quota_bytes=number(environ, "QUOTA_BYTES", 0, least=0),
        requests_per_second=number(environ, "REQUESTS_PER_SECOND", REQUESTS_PER_SECOND),
        allowed_origins=names(environ, "ALLOWED_ORIGINS"),
        postgres=database_url(environ),
        s3=s3,
        runpod=runpod_settings(environ),
        cache_bytes=number(environ, "CACHE_BYTES", CACHE_BYTES),
        keep_media_days=number(environ, "KEEP_MEDIA_DAYS", 0, least=0),
        keep_result_days=number(environ, "KEEP_RESULT_DAYS", 0, least=0),
    )
