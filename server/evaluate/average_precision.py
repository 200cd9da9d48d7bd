"""Average precision of detections, as COCO counts it (https://cocodataset.org/#detection-eval): detections
take truths by score, best overlap first, precision is made monotone and read at 101 recalls."""

from dataclasses import dataclass

import numpy as np

from pycore.tracking import Detections, Floats, overlap

RECALLS = np.linspace(0, 1, 101)
MOST = 100
"""Detections that count per picture."""


@dataclass(frozen=True, slots=True)
class Precision:
    """ap: 0…1, nan where there is nothing to find. recall: the share that was found at any score.
    best: the score at which F1 is highest, with precision and recall there."""

    ap: float
    truths: int
    recall: float
    best_score: float
    best_precision: float
    best_recall: float


def average_precision(pictures: list[tuple[Floats, Detections]], least_overlap: float = 0.5) -> Precision:
    """Of one class. pictures: the true boxes (N, 4) as (x, y, width, height) and what was detected."""
    scores, hits = [np.zeros(0)], [np.zeros(0, bool)]
    for truth, found in pictures:
        order = np.argsort(-found.scores, kind="stable")[:MOST]
        scores.append(found.scores[order])
        hits.append(_hits(truth, found.boxes[order], least_overlap))
    total = sum(len(truth) for truth, _ in pictures)
    score, hit = np.concatenate(scores), np.concatenate(hits)
    if not total or not len(score):
        return Precision(0.0 if total else float("nan"), total, 0.0, 0.0, 0.0, 0.0)
    order = np.argsort(-score, kind="stable")
    found = np.cumsum(hit[order])
    precision, recall = found / np.arange(1, len(found) + 1), found / total
    best = int(np.argmax(2 * precision * recall / np.maximum(precision + recall, 1e-12)))
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    read = np.append(monotone, 0.0)[at]
    return Precision(
        float(read.mean()),
        total,
        float(recall[-1]),
        float(score[order][best]),
        float(precision[best]),
        float(recall[best]),
    )


def _hits(truth: Floats, boxes: Floats, least: float) -> np.ndarray:
    """Which of boxes (K, 4), the best first, each take a truth that no better one took."""
    hits = np.zeros(len(boxes), bool)
    if not len(truth) or not len(boxes):
        return hits
    ious = overlap(boxes, truth)
    for row in range(len(boxes)):
        column = int(ious[row].argmax())
        if ious[row, column] >= least:
            hits[row] = True
            ious[:, column] = -1
    return hits
