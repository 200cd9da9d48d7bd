"""`reelballers bucket`: the rules of the bucket that REELBALLERS_S3_* names."""

import os
import sys
from pathlib import Path

import click

from pycore.protocol import ReelError
from server.cli_options import DATA_OPTION
from server.config import load
from server.config.s3 import S3Settings, s3_settings

_ORIGIN = click.option(
    "--origin",
    "origins",
    multiple=True,
    required=True,
    metavar="URL",
    help="Where the page is served from, such as https://reel.example; may be repeated.",
)


@click.group()
def bucket() -> None:
    """The bucket's CORS and lifecycle rules (deploy/cloudflare/r2-*.json), and moving into it."""


@bucket.command()
@_ORIGIN
def apply(origins: tuple[str, ...]) -> None:
    """Put the rules in place of the bucket's own, then check them."""
    from server.storage.bucket_rules import apply_rules

    apply_rules(_settings(), origins)
    _check(origins)


@bucket.command()
@_ORIGIN
def check(origins: tuple[str, ...]) -> None:
    """Say what of the bucket is not as it must be (exit code 1)."""
    _check(origins)


@bucket.command()
@DATA_OPTION
def fill(data: Path | None) -> None:
    """Move what the data directory holds into the bucket: media, half-way uploads and results from before
    there was one. Stop server and workers first."""
    from server.db.database import Database
    from server.db.media import MediaTable
    from server.storage.local import LocalStorage
    from server.storage.moving import move, move_uploads
    from server.storage.opening import open_storage
    from server.storage.signing import UrlSigner

    _settings()
    config = load(data=data)
    config.prepare()
    local = LocalStorage(config.storage, UrlSigner(config.signing_key(), "/"))
    bucket = open_storage(config)
    moved = move(local, bucket, lambda key, size: click.echo(f"{key} ({size} bytes)"))
    database = Database(config.database_url)
    uploads = move_uploads(local, bucket, MediaTable(database))
    database.close()
    click.echo(f"{moved} files and {uploads} begun uploads moved into the bucket.")


def _check(origins: tuple[str, ...]) -> None:
    from server.storage.bucket_rules import check_rules

    settings = _settings()
    wrong = check_rules(settings, origins)
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        click.echo("`reelballers bucket apply` puts the rules in place.", err=True)
        sys.exit(1)
    click.echo(f"The bucket {settings.bucket} has its rules.")


def _settings() -> S3Settings:
    settings = s3_settings(os.environ)
    if settings is None:
        raise ReelError.of(
            "config.no-bucket",
            "No bucket is configured",
            "REELBALLERS_S3_ENDPOINT and the settings that go with it are not set.",
            "See deploy/README.md.",
        )
    return settings
