"""Where the bucket is: Cloudflare R2, or anything else that speaks S3."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from server.config.environment import PREFIX, wrong

LEAST_PART_BYTES = 5 * 1024 * 1024
"""S3 and R2 take no smaller part but the last."""

_REQUIRED = ("S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")


@dataclass(frozen=True, slots=True)
class S3Settings:
    """A bucket and the keys to it. `endpoint` is a URL without a path (R2: https://ACCOUNT.r2.cloudflarestorage.com);
    `prefix` is put before every key, so that several installations may share a bucket."""

    endpoint: str
    bucket: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str = "auto"
    prefix: str = ""

    @property
    def origin(self) -> str:
        """What a browser's policies call the bucket's address."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"


def s3_settings(environ: Mapping[str, str]) -> S3Settings | None:
    """REELBALLERS_S3_*; None where none is set. ReelError names what is missing or makes no sense."""
    given = {name: environ.get(PREFIX + name, "").strip() for name in _REQUIRED}
    if not any(given.values()):
        return None
    missing = [PREFIX + name for name, value in given.items() if not value]
    if missing:
        raise wrong(
            ", ".join(missing), "the bucket's other settings are given, this is not", "Give all, or none."
        )
    parts = urlsplit(given["S3_ENDPOINT"])
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise wrong(
            PREFIX + "S3_ENDPOINT",
            f"{given['S3_ENDPOINT']!r} is no http or https URL without a path",
            "For R2 it is https://ACCOUNT_ID.r2.cloudflarestorage.com; the bucket is named apart.",
        )
    prefix = environ.get(PREFIX + "S3_PREFIX", "").strip("/")
    return S3Settings(
        endpoint=f"{parts.scheme}://{parts.netloc}",
        bucket=given["S3_BUCKET"],
        access_key_id=given["S3_ACCESS_KEY_ID"],
        secret_access_key=given["S3_SECRET_ACCESS_KEY"],
        region=environ.get(PREFIX + "S3_REGION", "auto").strip(),
        prefix=f"{prefix}/" if prefix else "",
    )
