"""`reelballers token`: who may use the server."""

import datetime
from pathlib import Path

import click

from server import config
from server.cli_options import DATA_OPTION
from server.db.database import Database
from server.db.tokens import Tokens


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that let people use this server."""


@token.command()
@click.argument("owner", default="local")
@DATA_OPTION
def create(owner: str, data: Path | None) -> None:
    """Make a token of OWNER and print it, once. Each owner sees their own projects and jobs alone; "local"
    owns what was made before there were tokens."""
    click.echo(_tokens(data).create(owner))
    click.echo("Keep it: only its hash is stored, and it cannot be shown again.", err=True)


@token.command("list")
@DATA_OPTION
def list_(data: Path | None) -> None:
    """Show the tokens' ids and owners (the tokens themselves are not kept)."""
    for each in _tokens(data).list():
        made = datetime.datetime.fromtimestamp(each.created_at, datetime.UTC)
        state = "revoked" if each.revoked_at is not None else "valid"
        click.echo(f"{each.id}  {state:7}  {made:%Y-%m-%d}  {each.owner}")


@token.command()
@click.argument("token_id")
@DATA_OPTION
def revoke(token_id: str, data: Path | None) -> None:
    """Shut out the token with this id."""
    _tokens(data).revoke(token_id)


def _tokens(data: Path | None) -> Tokens:

    settings = config.load(data=data)
    settings.prepare()
    return Tokens(Database(settings.database_url))
