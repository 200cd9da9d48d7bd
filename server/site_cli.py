"""`reelballers site`: the page for a host of static files."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--api", required=True, metavar="URL", help="The API's origin, such as https://api.reel.example."
)
@click.option("--bucket", default="", metavar="URL", help="The bucket's origin (REELBALLERS_S3_ENDPOINT).")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="[default: .cache/cloudflare/site]"
)
def site(api: str, bucket: str, out: Path | None) -> None:
    """Put the built page together for Cloudflare's static assets."""
    from server.site import SITE, build

    made = build(api.rstrip("/"), bucket.rstrip("/"), site=out or SITE)
    click.echo(f"{made} is ready. Deploy it: cd deploy/cloudflare && npm ci && npx wrangler deploy")
