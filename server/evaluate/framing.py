"""`reelballers evaluate framing`: the crop's path judged on tracks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pycore.framing.crop import default_crop, ratio
from pycore.framing.following import Scene, crop_path
from pycore.framing.live import LiveFraming
from pycore.framing.subject import Subject
from pycore.protocol import Aspect, Framing, Rect
from pycore.tracking import ClipSettings, Floats, Ints, Track, overlap, track_clip
from server.evaluate.kalman_path import kalman_path
from server.evaluate.mot import Sequence, read

ALL = "all"
MODES = ("offline", "live", "Kalman")
_SAME = 0.5
"""Overlap (IoU) from which a tracker's box is the player's."""


@dataclass(frozen=True, slots=True)
class Figures:
    """visible: frames in which the player is in the picture; inside: of these, with the whole box in the
    crop; jerk: sum of |third derivative of the crop's centre| in crop heights / s^3, and of its square;
    samples: of how many."""

    visible: int = 0
    inside: int = 0
    jerk: float = 0.0
    square: float = 0.0
    samples: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.visible + other.visible,
            self.inside + other.inside,
            self.jerk + other.jerk,
            self.square + other.square,
            self.samples + other.samples,
        )

    def table(self) -> dict[str, float]:
        samples = max(self.samples, 1)
        return {
            "inside": 100 * self.inside / max(self.visible, 1),
            "jerk": self.jerk / samples,
            "jerk_rms": (self.square / samples) ** 0.5,
            "frames": self.visible,
        }


@click.command()
@click.argument(
    "folders", metavar="SEQUENCE_DIR...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--aspect",
    type=click.Choice([each.value for each in Aspect if each is not Aspect.FREE]),
    default=Aspect.PORTRAIT.value,
    show_default=True,
)
@click.option("--share", type=click.FloatRange(0.05, 0.9), default=0.3, show_default=True)
@click.option("--identity", is_flag=True, help="Follow one track of the tracker, switches and all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def framing(folders: tuple[Path, ...], aspect: str, share: float, identity: bool, as_json: bool) -> None:
    """Frames every player of sequences in the MOT layout (gt/gt.txt, det/det.txt, seqinfo.ini) with the boxes
    that tracking made of the detections, and compares the crop with the player's true boxes.

    inside: frames in which the whole of the player's visible box is in the crop, percent of those in which
    the player is visible. jerk: mean of the third derivative of the crop's centre, in crop heights per
    second^3, from the first sighting on, and its root mean square. Paths: offline with the clip known, live
    frame by frame, and for comparison a constant-velocity Kalman filter on the same boxes with the offline
    path's crop.

    A player's boxes are the tracker's that overlap the true ones by half or more, as a person leaves them who
    relinks what the tracker has mixed up; with --identity those of the track that has most of them."""
    settings = Framing(player_share=share)
    rows: dict[str, dict[str, Figures]] = {}
    overall: dict[str, Figures] = {}
    for folder in track(folders, "Framing", console=Console(stderr=True), transient=True):
        sums: dict[str, Figures] = {}
        for mode, each in _judge(read(folder), Aspect(aspect), settings, identity):
            sums[mode] = sums.get(mode, Figures()) + each
            overall[mode] = overall.get(mode, Figures()) + each
        rows[str(folder)] = sums
    rows[ALL] = overall
    tables = {name: {mode: each.table() for mode, each in sums.items()} for name, sums in rows.items()}
    if as_json:
        whole = tables.pop(ALL)
        click.echo(json.dumps({"sequences": tables, ALL: whole}, indent=2))
    else:
        _print(tables)


def _judge(
    sequence: Sequence, aspect: Aspect, settings: Framing, identity: bool
) -> Iterator[tuple[str, Figures]]:
    found = track_clip(sequence.detections, settings=ClipSettings().at_rate(sequence.rate))
    times_us = np.round(np.arange(len(sequence.detections)) * 1e6 / sequence.rate).astype(np.int64)
    wanted = ratio(aspect)
    assert wanted is not None
    scene = Scene(sequence.size, wanted, default_crop(sequence.size, aspect))
    for player in np.unique(sequence.truth[:, 1]):
        truth = sequence.truth[sequence.truth[:, 1] == player]
        true = np.full((len(times_us), 4), np.nan)
        true[truth[:, 0].astype(int) - 1] = _inside(truth[:, 2:6], sequence)
        frames, boxes = _of_player(found, true, identity)
        if not len(frames):  # the tracker knows nothing of them: the frame stays where it is
            rest = scene.rest
            still = np.tile([rest.x, rest.y, rest.width, rest.height], (len(times_us), 1))
            yield from ((mode, judged(still, true, sequence.rate, 0)) for mode in MODES)
            continue
        subject = Subject(times_us[frames], boxes)
        _, path = crop_path(times_us, scene, settings, subject)
        yield MODES[0], judged(path, true, sequence.rate, frames[0])
        live = LiveFraming(scene, settings)
        seen = subject.at(times_us)
        rects = [
            live.update(int(time), None if np.isnan(box[0]) else Rect(*box.tolist()))
            for time, box in zip(times_us, seen, strict=True)
        ]
        crops = np.array([(each.x, each.y, each.width, each.height) for each in rects])
        yield MODES[1], judged(crops, true, sequence.rate, frames[0])
        yield MODES[2], judged(kalman_path(seen, path, sequence.size), true, sequence.rate, frames[0])


def _inside(boxes: Floats, sequence: Sequence) -> Floats:
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    corners = np.clip(corners, 0, [sequence.size.width, sequence.size.height] * 2)
    inside = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    inside[(inside[:, 2:] < 1).any(axis=1)] = np.nan
    return inside


def _of_player(found: list[Track], true: Floats, identity: bool) -> tuple[Ints, Floats]:
    """Frames and boxes of the tracker's that are the player's."""
    matches: list[tuple[Track, Ints]] = []
    for each in found:
        here = true[each.frames]
        known = np.flatnonzero(~np.isnan(here[:, 0]))
        same = np.array(
            [row for row in known if overlap(each.boxes[row][None], here[row][None])[0, 0] >= _SAME], np.int64
        )
        if len(same):
            matches.append((each, same))
    if not matches:
        return np.zeros(0, np.int64), np.zeros((0, 4))
    if identity:
        best = max(matches, key=lambda pair: len(pair[1]))[0]
        return best.frames, best.boxes
    frames = np.concatenate([each.frames[rows] for each, rows in matches])
    boxes = np.concatenate([each.boxes[rows] for each, rows in matches])
    frames, first = np.unique(frames, return_index=True)
    return frames, boxes[first]


def judged(path: Floats, true: Floats, rate: float, first: int) -> Figures:
    """path, true: (N, 4) the crop and the player's visible box, NaN where there is none, `rate` of them a
    second. first: the frame in which the player is first known; jerk counts from there."""
    visible = ~np.isnan(true[:, 0])
    crop, box = path[visible], true[visible]
    slack = 1e-6
    inside = (crop[:, :2] <= box[:, :2] + slack).all(axis=1)
    inside &= (crop[:, :2] + crop[:, 2:] >= box[:, :2] + box[:, 2:] - slack).all(axis=1)
    heights = float(np.median(path[:, 3]))
    centres = (path[:, :2] + path[:, 2:] / 2) / heights
    jerk = np.linalg.norm(np.diff(centres[first:], 3, axis=0), axis=1) * rate**3
    return Figures(
        int(visible.sum()), int(inside.sum()), float(jerk.sum()), float((jerk**2).sum()), len(jerk)
    )


def _print(tables: dict[str, dict[str, dict[str, float]]]) -> None:
    table = Table(title="Framing")
    table.add_column("sequence", overflow="fold")
    table.add_column("path")
    for column in ("inside %", "jerk", "jerk rms", "frames"):
        table.add_column(column, justify="right")
    for name, modes in tables.items():
        for mode, each in modes.items():
            table.add_row(
                Path(name).name or name,
                mode,
                f"{each['inside']:.2f}",
                f"{each['jerk']:.2f}",
                f"{each['jerk_rms']:.2f}",
                f"{each['frames']:.0f}",
            )
        table.add_section()
    Console().print(table)
