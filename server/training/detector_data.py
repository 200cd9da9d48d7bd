"""Frames with YOLO labels, in memory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pycore.tracking.decoding import BALL, PERSON

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
KINDS = {0: BALL, 1: PERSON, 2: PERSON, 3: PERSON}
"""The labels' classes: ball, goalkeeper, player, referee."""


@dataclass(frozen=True, eq=False)
class Frame:
    """picture: (3, H, W) uint8 RGB. boxes: (N, 4) left, top, right, bottom in pixels. kinds: (N,) PERSON or
    BALL."""

    name: str
    picture: Tensor
    boxes: np.ndarray
    kinds: np.ndarray


def read_picture(path: Path) -> Tensor:
    """(3, H, W) uint8 RGB."""
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def read_labels(path: Path, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) left, top, right, bottom and kinds (N,) of a YOLO label file: a line is class, centre x,
    centre y, width, height as shares of the picture. Raises ValueError naming the line that is not."""
    boxes, kinds = [], []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            kind, x, y, w, h = line.split()
            kinds.append(KINDS[int(kind)])
            cx, cy, bw, bh = (float(each) for each in (x, y, w, h))
        except (ValueError, KeyError) as error:
            raise ValueError(f"{path}, line {number}: “{line}” is not class (0 to 3), x, y, w, h") from error
        boxes.append(
            ((cx - bw / 2) * width, (cy - bh / 2) * height, (cx + bw / 2) * width, (cy + bh / 2) * height)
        )
    found = np.array(boxes, np.float64).reshape(-1, 4)
    if not np.isfinite(found).all():
        raise ValueError(f"{path}: a number is not finite")
    return found, np.array(kinds, np.int64)


def labels_beside(picture: Path) -> Path:
    """Where the labels of a picture lie: in the folder `labels` beside the pictures' folder."""
    return picture.parent.parent / "labels" / f"{picture.stem}.txt"


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def read_frames(folder: Path, only: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[Frame]:
    """The labelled frames of FOLDER/images and FOLDER/labels whose names begin so, or do not."""
    paths = [
        path
        for path in pictures(folder / "images")
        if (not only or path.name.startswith(only)) and not (exclude and path.name.startswith(exclude))
    ]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_read, paths))


def _read(path: Path) -> Frame:
    picture = read_picture(path)
    boxes, kinds = read_labels(labels_beside(path), picture.shape[2], picture.shape[1])
    return Frame(path.stem, picture, boxes, kinds)
