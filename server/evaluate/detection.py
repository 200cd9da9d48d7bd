"""`reelballers evaluate detection`: the detectors on labelled pictures."""

import json
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pycore.protocol import ReelError
from pycore.tracking import Detections, Floats
from pycore.tracking.decoding import BALL, PERSON
from server.evaluate.average_precision import Precision, average_precision
from server.gpu.detection import detect, device_named
from server.gpu.models.detector import NetName
from server.gpu.models.detector_weights import load
from server.training.detector_data import labels_beside, pictures, read_labels, read_picture

CLASSES = {"person": PERSON, "ball": BALL}
LEAST, MOST = 0.01, 300


@click.command()
@click.argument("folder", metavar="IMAGES_DIR", type=click.Path(path_type=Path))
@click.option(
    "--net", type=click.Choice([name.value for name in NetName]), default="server", show_default=True,
    help="The browser's detector (in PyTorch) or the server's.",
)  # fmt: skip
@click.option(
    "--prefix", "prefixes", multiple=True, help="Only pictures whose names begin so; may be repeated."
)
@click.option(
    "--scale", type=click.FloatRange(0.1, 4), default=1.0, show_default=True, help="Scale pictures first."
)
@click.option(
    "--device", type=click.Choice(["auto", "cuda", "mps", "cpu"]), default="auto", show_default=True,
    help="Where the net runs.",
)  # fmt: skip
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file of weights other than the shipped one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def detection(
    folder: Path,
    net: str,
    prefixes: tuple[str, ...],
    scale: float,
    device: str,
    weights: Path | None,
    as_json: bool,
) -> None:
    """Detects players and ball in the pictures of IMAGES_DIR, one pass per picture, and compares with the
    YOLO labels in the folder `labels` beside it (0 ball; 1 goalkeeper, 2 player, 3 referee count as person).

    AP50 is COCO's: IoU of at least 0.5, monotone precision read at 101 recalls, at most 100 detections per
    picture and class."""
    found = pictures(folder) if folder.is_dir() else []
    found = [path for path in found if not prefixes or path.name.startswith(prefixes)]
    if not found:
        raise ReelError.of(
            "evaluate.empty",
            "There is nothing to judge",
            f"'{folder}' holds no pictures" + (" of these names." if prefixes else "."),
            "Name a folder of PNG, JPEG or WebP files, with one of labels beside it.",
        )
    where = device_named(device)
    name = NetName(net)
    model = load(name, where, weights)
    rows: dict[str, list[tuple[Floats, Detections]]] = {each: [] for each in CLASSES}
    seconds = 0.0
    for path in track(found, "Judging", console=Console(stderr=True), transient=True):
        try:
            picture = read_picture(path)
            boxes, kinds = read_labels(labels_beside(path), picture.shape[2], picture.shape[1])
        except (OSError, ValueError) as error:
            raise ReelError.of(
                "evaluate.picture",
                "A picture cannot be judged",
                str(error),
                "Mend it or take it out of the folder.",
            ) from error
        boxes[:, 2:] -= boxes[:, :2]
        began = time.perf_counter()
        seen = detect(model, picture.to(where), scale, LEAST, MOST)
        seconds += time.perf_counter() - began
        for each, kind in CLASSES.items():
            rows[each].append((boxes[kinds == kind], seen.people if kind == PERSON else seen.ball))
    results = {each: average_precision(pairs) for each, pairs in rows.items()}
    if as_json:
        told = {each: _told(result) for each, result in results.items()}
        click.echo(
            json.dumps(
                {"net": net, "pictures": len(found), "scale": scale, "device": where.type,
                 "ms_per_picture": 1000 * seconds / len(found), "results": told}, indent=2,
            )
        )  # fmt: skip
        return
    table = Table(
        title=f"{net}: {len(found)} pictures at scale {scale:g}, {1000 * seconds / len(found):.0f} ms each"
    )
    for heading in ("", "AP50", "labelled", "precision", "recall", "at score"):
        table.add_column(heading, justify="right" if heading else "left")
    for each, result in results.items():
        table.add_row(
            each, f"{result.ap:.3f}", str(result.truths), f"{result.best_precision:.3f}",
            f"{result.best_recall:.3f}", f"{result.best_score:.2f}",
        )  # fmt: skip
    Console().print(table)


def _told(result: Precision) -> dict[str, float | None]:
    """AP50 is null where nothing of the class is labelled."""
    return {
        "ap50": result.ap if result.truths else None,
        "truths": result.truths,
        "precision": result.best_precision,
        "recall": result.best_recall,
        "score": result.best_score,
    }
