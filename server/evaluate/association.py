"""`reelballers evaluate association`: tracking judged without its detector."""

import json
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pycore.tracking import ClipSettings, Floats, Tracker, track_clip
from server.evaluate.metrics import Counts, Scores, count, scores
from server.evaluate.mot import Sequence, read

COLUMNS = ("HOTA", "AssA", "DetA", "IDF1", "MOTA", "switches")
ALL = "all"


@click.command()
@click.argument(
    "folders", metavar="SEQUENCE_DIR...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def association(folders: tuple[Path, ...], as_json: bool) -> None:
    """Tracks the detections of sequences in the MOT layout (det/det.txt, seqinfo.ini) and compares the
    tracks with gt/gt.txt: online, as they are told frame by frame, and linked, with the whole clip known.

    HOTA, AssA, DetA, IDF1 and MOTA are TrackEval's, in percent; switches are CLEAR's. The last row takes
    all sequences as one. Ground truth that is marked 0 in its seventh column is left out."""
    counted: dict[str, list[Counts]] = {"online": [], "linked": []}
    rows: dict[str, dict[str, Scores]] = {}
    for folder in track(folders, "Tracking", console=Console(stderr=True), transient=True):
        sequence = read(folder)
        settings = ClipSettings().at_rate(sequence.rate)
        answers = {"online": _online(sequence, settings), "linked": _linked(sequence, settings)}
        for mode, answer in answers.items():
            counts = count(sequence.truth, answer)
            counted[mode].append(counts)
            rows.setdefault(str(folder), {})[mode] = scores([counts])
    rows[ALL] = {mode: scores(each) for mode, each in counted.items()}
    if as_json:
        table = {name: {mode: _percent(each) for mode, each in pair.items()} for name, pair in rows.items()}
        overall = table.pop(ALL)
        click.echo(json.dumps({"sequences": table, ALL: overall}, indent=2))
        return
    _print(rows)


def _online(sequence: Sequence, settings: ClipSettings) -> Floats:
    tracker = Tracker(settings.online)
    rows: list[Floats] = []
    for number, detections in enumerate(sequence.detections, 1):
        told = tracker.update(detections)
        rows.append(np.column_stack((np.full(len(told.ids), number), told.ids, told.boxes)))
    return np.concatenate(rows)


def _linked(sequence: Sequence, settings: ClipSettings) -> Floats:
    found = track_clip(sequence.detections, settings=settings)
    rows = [
        np.column_stack((each.frames + 1, np.full(len(each.frames), each.id), each.boxes)) for each in found
    ]
    return np.concatenate([np.zeros((0, 6)), *rows])


def _percent(each: Scores) -> dict[str, float]:
    return {
        "HOTA": 100 * each.hota,
        "AssA": 100 * each.ass_a,
        "DetA": 100 * each.det_a,
        "IDF1": 100 * each.idf1,
        "MOTA": 100 * each.mota,
        "switches": each.switches,
    }


def _print(rows: dict[str, dict[str, Scores]]) -> None:
    table = Table(title="Association")
    table.add_column("sequence", overflow="fold")
    table.add_column("")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for name, pair in rows.items():
        for mode, each in pair.items():
            figures = _percent(each)
            cells = [f"{figures[column]:.2f}" for column in COLUMNS[:-1]]
            table.add_row(Path(name).name or name, mode, *cells, str(each.switches))
        table.add_section()
    Console().print(table)
