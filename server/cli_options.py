"""Options that several commands take."""

from pathlib import Path

import click

DATA_OPTION = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where projects, media, jobs and results are kept  "
    "[default: $REELBALLERS_DATA, else this user's data directory]",
)
