"""Sequences in the layout of the MOT challenge: gt/gt.txt, det/det.txt and, where the frame rate is not 25,
seqinfo.ini. Frames there are
counted from 1."""

import configparser
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pycore.protocol import ReelError, Size
from pycore.tracking import Detections, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """truth: rows (frame, id, x, y, width, height); detections: one per frame, the first is frame 1; rate:
    frames a second; size: the picture's, or what the boxes reach to where nothing tells."""

    name: str
    rate: float
    truth: Floats
    detections: list[Detections]
    size: Size


def read(folder: Path) -> Sequence:
    """Raises ReelError where a file is missing or is not what it should be."""
    length, rate, size = _info(folder / "seqinfo.ini")
    truth = _rows(folder / "gt" / "gt.txt", 6)
    if truth.shape[1] > 6:
        truth = truth[truth[:, 6] != 0]  # marked as not to be judged
    found = _rows(folder / "det" / "det.txt", 7)
    length = length or int(max(truth[:, 0].max(initial=1), found[:, 0].max(initial=1)))
    for path, rows in ((folder / "gt" / "gt.txt", truth), (folder / "det" / "det.txt", found)):
        if len(rows) and (rows[:, 0].min() < 1 or rows[:, 0].max() > length):
            raise _bad(path, f"A frame is outside 1 to {length}.")
        if (rows[:, 4:6] <= 0).any():
            raise _bad(path, "A box has no width or no height.")
    if len(found) and (found[:, 6].min() < 0 or found[:, 6].max() > 1):
        raise _bad(folder / "det" / "det.txt", "A score is outside 0 to 1.")
    order = np.argsort(found[:, 0], kind="stable")
    found = found[order]
    starts = np.searchsorted(found[:, 0], np.arange(1, length + 2) - 0.5)
    detections = [Detections(found[a:b, 2:6], found[a:b, 6]) for a, b in pairwise(starts)]
    if size is None:
        far = truth[:, 2:4] + truth[:, 4:6]
        size = Size(*(max(math.ceil(side), 1) for side in far.max(axis=0, initial=1.0).tolist()))
    return Sequence(folder.resolve().name, rate, truth[:, :6], detections, size)


def _info(path: Path) -> tuple[int, float, Size | None]:
    """seqLength, frameRate and the picture's size; 0 (as long as the rows go), 25 and None without the
    file."""
    if path.parent.is_dir() and not path.exists():
        return 0, 25.0, None
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text())
        length = parser.getint("Sequence", "seqLength")
        rate = parser.getfloat("Sequence", "frameRate")
        width = parser.getint("Sequence", "imWidth", fallback=0)
        height = parser.getint("Sequence", "imHeight", fallback=0)
    except (OSError, UnicodeDecodeError, ValueError, configparser.Error) as error:
        raise _bad(path, f"It must tell seqLength and frameRate: {error}") from error
    if not 1 <= length <= 10_000_000 or not 1 <= rate <= 1000:
        raise _bad(path, f"seqLength {length} or frameRate {rate:g} is out of range.")
    return length, rate, Size(width, height) if width > 0 and height > 0 else None


def _rows(path: Path, least: int) -> Floats:
    """(N, at least `least`) numbers; an empty file has no rows."""
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        rows = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise _bad(path, f"It must hold rows of comma-separated numbers: {error}") from error
    if not lines:
        return np.zeros((0, least))
    if rows.shape[1] < least or not np.isfinite(rows).all():
        raise _bad(path, f"Its rows must hold at least {least} finite numbers.")
    return rows


def _bad(path: Path, detail: str) -> ReelError:
    return ReelError.of(
        "evaluate.sequence",
        "A sequence cannot be read",
        f"'{path}': {detail}",
        "Each folder needs gt/gt.txt (frame, id, x, y, width, height, ...) and det/det.txt "
        "(frame, -1, x, y, width, height, score from 0 to 1).",
    )
