"""The command line: `reelballers serve`, `worker`, `export`, `evaluate` and what a deployment needs."""

import sys
from pathlib import Path
from typing import Any

import click

from pycore.protocol import ReelError
from server import __version__
from server.cli_options import DATA_OPTION


class _Commands(click.Group):
    """The commands; those that need PyTorch are loaded when they are called. Errors that a person can
    act on come as text, with exit code 2 for what was asked wrongly and 1 for the rest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(
            [*super().list_commands(ctx), "bench", "bucket", "doctor", "evaluate", "export", "site", "token"]
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "export":
            from server.export_cli import export

            return export
        if cmd_name == "bucket":
            from server.bucket_cli import bucket

            return bucket
        if cmd_name == "site":
            from server.site_cli import site

            return site
        if cmd_name == "token":
            from server.token_cli import token

            return token
        if cmd_name == "doctor":
            from server.doctor_cli import doctor

            return doctor
        if cmd_name == "bench":
            from server.gpu.bench import bench

            return bench
        if cmd_name == "evaluate":
            from server.evaluate import evaluate

            return evaluate
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ReelError as error:
            problem = error.problem
            click.echo(f"reelballers: {problem.title}.", err=True)
            for line in (problem.detail, problem.hint):
                if line:
                    click.echo(f"  {line}", err=True)
            sys.exit(2 if problem.status < 500 else 1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reelballers")
def main() -> None:
    """ReelBallers: turns match footage into a reel of one player."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one."
)
@DATA_OPTION
@click.option(
    "--dist",
    type=click.Path(path_type=Path, file_okay=False),
    help="The built page  [default: $REELBALLERS_DIST, else the dist of this source tree]",
)
@click.option(
    "--tls-cert", type=click.Path(path_type=Path, dir_okay=False), help="Serve https: certificate (PEM)."
)
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False), help="Its private key (PEM).")
@click.option(
    "--allowed-host",
    multiple=True,
    metavar="NAME",
    help="A further name that this server may be addressed by, such as a reverse proxy's; may be repeated.",
)
def serve(
    host: str,
    port: int,
    data: Path | None,
    dist: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    allowed_host: tuple[str, ...],
) -> None:
    """Start the API, which also serves the page."""
    from server import config
    from server.api.serve import serve

    serve(
        config.load(
            data=data,
            dist=dist,
            host=host,
            port=port,
            tls_cert=tls_cert,
            tls_key=tls_key,
            allowed_hosts=allowed_host,
        )
    )


@main.command()
@DATA_OPTION
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="What to compute on; auto takes the fastest there is.",
)
def worker(data: Path | None, device: str) -> None:
    """Start the worker, which runs the jobs."""
    from server import config, logs
    from server.jobs.worker import run_worker

    logs.to_stderr()
    run_worker(config.load(data=data, device=device))
