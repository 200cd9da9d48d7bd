"""`reelballers doctor`: is everything there, and what to mend."""

import sys
from pathlib import Path

import click

from server.cli_options import DATA_OPTION

_COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


@click.command()
@DATA_OPTION
@click.option("--device", default="auto", show_default=True, help="What exports are to compute on.")
def doctor(data: Path | None, device: str) -> None:
    """Check database, storage, GPU, models, encoder and RunPod; say what to mend (exit code 1)."""
    from server import config
    from server.doctor import Verdict, examine

    bad = False
    for finding in examine(config.load(data=data, device=device)):
        bad = bad or finding.verdict is Verdict.BAD
        mark = click.style(f"{finding.verdict.value:4}", fg=_COLOURS[finding.verdict.value])
        click.echo(f"{mark}  {finding.name}: {finding.detail}")
        if finding.hint:
            click.echo(f"      {finding.hint}")
    sys.exit(1 if bad else 0)
