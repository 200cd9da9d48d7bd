"""`reelballers evaluate upscaler`: the preview's nets against plain scalers."""

import json
from pathlib import Path
from statistics import fmean

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pycore.protocol import ReelError
from server.training.evaluate import PROTOCOL, Score, Upscaler, judge, pictures, references
from server.training.nets import upscale
from server.training.weights import read

MODELS = Path(__file__).parents[2] / "web" / "models"
NETS = ("s", "m", "l")


@click.command(epilog=PROTOCOL)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--net", "nets", type=click.Choice(NETS), multiple=True, help="A net; may be repeated.  [default: all]"
)
@click.option(
    "--crf", type=click.FloatRange(0, 51), default=23.0, show_default=True, help="How hard to compress."
)
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    default=MODELS,
    help="Folder of weight files  [default: those of this source tree]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def upscaler(folder: Path, nets: tuple[str, ...], crf: float, models: Path, as_json: bool) -> None:
    """Halves and compresses the pictures of FOLDER, upscales them by the preview's nets (in PyTorch, on the
    CPU), and compares the luma of the result with the original's."""
    found = pictures(folder) if folder.is_dir() else []
    if not found:
        raise ReelError.of(
            "evaluate.empty",
            "There is nothing to judge",
            f"'{folder}' holds no pictures.",
            "Name a folder of PNG or JPEG files.",
        )
    ours = {f"net {name}": net_of(models / f"{name}.safetensors") for name in nets or NETS}
    upscalers = references() | ours
    scores: dict[str, list[list[Score]]] = {name: [] for name in upscalers}
    for path in track(found, "Judging", console=Console(stderr=True), transient=True):
        try:
            for name, pair in judge(path, crf, upscalers).items():
                scores[name].append(pair)
        except (OSError, ValueError) as error:
            raise ReelError.of(
                "evaluate.picture", "A picture cannot be judged", str(error), "Take it out of the folder."
            ) from error
    rows = {name: row(pairs, scores["lanczos"]) for name, pairs in scores.items()}
    if as_json:
        click.echo(
            json.dumps({"pictures": len(found), "crf": crf, "protocol": PROTOCOL, "results": rows}, indent=2)
        )
        return
    table = Table(title=f"{len(found)} pictures, H.264 at CRF {crf:g}")
    for heading in ("", "Y-PSNR I", "P", "mean", "over Lanczos", "SSIM", "over Lanczos"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, each in rows.items():
        table.add_row(
            name, *(f"{each[k]:.2f}" for k in ("psnr_i", "psnr_p", "psnr")), f"{each['psnr_gain']:+.3f} dB",
            f"{each['ssim']:.4f}", f"{each['ssim_gain']:+.4f}",
        )  # fmt: skip
    Console().print(table)


def net_of(path: Path) -> Upscaler:
    """The net of that weight file. Raises ReelError "evaluate.weights" when there is none."""
    if not path.is_file():
        raise ReelError.of(
            "evaluate.weights",
            "Weights are missing",
            f"'{path}' is not there.",
            "Give their folder by --models.",
        )
    convs = read(path)
    return lambda low: upscale(convs, low)


def row(pairs: list[list[Score]], reference: list[list[Score]]) -> dict[str, float]:
    """Means over pictures, each an I and a P frame, and the gain over the reference's."""
    psnr = [fmean(pair[kind].psnr for pair in pairs) for kind in (0, 1)]
    ssim = [fmean(pair[kind].ssim for pair in pairs) for kind in (0, 1)]
    return {
        "psnr_i": psnr[0],
        "psnr_p": psnr[1],
        "psnr": fmean(psnr),
        "psnr_gain": fmean(psnr) - fmean(score.psnr for pair in reference for score in pair),
        "ssim_i": ssim[0],
        "ssim_p": ssim[1],
        "ssim": fmean(ssim),
        "ssim_gain": fmean(ssim) - fmean(score.ssim for pair in reference for score in pair),
    }
