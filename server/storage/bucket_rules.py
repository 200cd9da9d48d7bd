"""The bucket's own rules: which pages may use it (CORS), and what it clears away by itself (lifecycle).

They are files in S3's format (deploy/cloudflare/r2-cors.json, r2-lifecycle.json); `$ORIGIN` in them stands
for the page's origins.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from pycore.protocol import ReelError
from server.config.s3 import S3Settings
from server.storage.s3 import client, told

RULES = Path(__file__).parents[2] / "deploy" / "cloudflare"
_NONE_SET = ("NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration", "404")


def apply_rules(settings: S3Settings, origins: Sequence[str], folder: Path = RULES) -> None:
    """Makes the bucket's rules those of the files, in place of what was there. ReelError where it refuses."""
    cors, lifecycle = _wanted(origins, folder)
    s3 = client(settings)
    with told("The CORS rules"):
        s3.put_bucket_cors(Bucket=settings.bucket, CORSConfiguration=cors)
    with told("The lifecycle rules"):
        s3.put_bucket_lifecycle_configuration(Bucket=settings.bucket, LifecycleConfiguration=lifecycle)


def check_rules(settings: S3Settings, origins: Sequence[str], folder: Path = RULES) -> list[str]:
    """What of the bucket is not as the files have it, in words; nothing where all is well."""
    cors, lifecycle = _wanted(origins, folder)
    s3 = client(settings)
    wrong: list[str] = []
    have = _rules(s3.get_bucket_cors, settings.bucket, "CORSRules")
    wrong += [
        f"CORS: pages at {', '.join(rule['AllowedOrigins'])} may not use the bucket as they need to."
        for rule in cors["CORSRules"]
        if not any(_allows(each, rule) for each in have)
    ]
    have = _rules(s3.get_bucket_lifecycle_configuration, settings.bucket, "Rules")
    wrong += [
        f"Lifecycle: the rule {rule['ID']} is missing or differs."
        for rule in lifecycle["Rules"]
        if not any(each.get("Status") == "Enabled" and _aborts_in(each) == _aborts_in(rule) for each in have)
    ]
    if _versioned(s3, settings.bucket):
        wrong.append("Versioning is on: deleted media stay in the bucket as old versions. Suspend it.")
    return wrong


def _wanted(origins: Sequence[str], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin:
            raise ReelError.of(
                "config.option",
                "An option makes no sense",
                f"--origin: {origin!r} is no origin.",
                "It is what a browser's address bar begins with, such as https://reel.example.",
            )
    cors = json.loads((folder / "r2-cors.json").read_text())
    for rule in cors["CORSRules"]:
        rule["AllowedOrigins"] = list(origins)
    return cors, json.loads((folder / "r2-lifecycle.json").read_text())


def _rules(read: Any, bucket: str, name: str) -> list[dict[str, Any]]:
    try:
        with told("The bucket's rules"):
            return read(Bucket=bucket).get(name, [])
    except ReelError as error:
        if isinstance(error.__cause__, ClientError) and _code(error.__cause__) in _NONE_SET:
            return []
        raise


def _allows(rule: dict[str, Any], wanted: dict[str, Any]) -> bool:
    def holds(name: str) -> bool:
        have = {each.lower() for each in rule.get(name, ())}
        return "*" in have or {each.lower() for each in wanted[name]} <= have

    return all(map(holds, ("AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposeHeaders")))


def _aborts_in(rule: dict[str, Any]) -> int | None:
    return rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")


def _versioned(s3: Any, bucket: str) -> bool:
    try:
        return s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
    except ClientError as error:
        if _code(error) in ("NotImplemented", "501"):  # R2 keeps no versions
            return False
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
