"""`reelballers bucket`: the rules of the bucket that REELBALLERS_S3_* names."""

import os
import sys

import click

from pycore.protocol import ReelError
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
    """The bucket's CORS and lifecycle rules (deploy/cloudflare/r2-*.json)."""


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
