"""Tracking metrics as TrackEval computes them: HOTA with AssA and DetA, CLEAR's MOTA and switches, and
IDF1.

Own code, because TrackEval (MIT) brings OpenCV, matplotlib and pycocotools along; the tests hold figures
that TrackEval 1.3.0 gave for the same tracks. Values are shares, 0 to 1."""

from dataclasses import dataclass

import numpy as np

from pycore.tracking import Floats, Ints, assign, overlap

ALPHAS = np.arange(0.05, 0.99, 0.05)
"""Overlaps that HOTA averages over."""
OVERLAP = 0.5
"""Least overlap of a match for MOTA and IDF1."""
_EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one sequence or of several as one."""

    hota: float
    ass_a: float
    det_a: float
    idf1: float
    mota: float
    switches: int


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What a sequence adds to the sums that scores are made of. Arrays are (ALPHAS,)."""

    matched: Floats
    missed: Floats
    spurious: Floats
    associated: Floats
    """Sum over matches of the association accuracy of their pair of ids."""
    truths: int
    answers: int
    identified: int
    clear_matched: int
    switches: int


def scores(sequences: list[Counts]) -> Scores:
    """Of all sequences taken as one."""
    matched = np.sum([each.matched for each in sequences], axis=0)
    missed = np.sum([each.missed for each in sequences], axis=0)
    spurious = np.sum([each.spurious for each in sequences], axis=0)
    ass_a = np.sum([each.associated for each in sequences], axis=0) / np.maximum(1, matched)
    det_a = matched / np.maximum(1, matched + missed + spurious)
    truths = sum(each.truths for each in sequences)
    answers = sum(each.answers for each in sequences)
    clear = sum(each.clear_matched for each in sequences)
    switches = sum(each.switches for each in sequences)
    return Scores(
        hota=float(np.sqrt(det_a * ass_a).mean()),
        ass_a=float(ass_a.mean()),
        det_a=float(det_a.mean()),
        idf1=2 * sum(each.identified for each in sequences) / max(1, truths + answers),
        mota=(clear - (answers - clear) - switches) / max(1, truths),
        switches=switches,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Ids counted from 0, (T,) and (A,), and the overlaps (T, A)."""

    truth: Ints
    answer: Ints
    similarity: Floats


def count(truth: Floats, answer: Floats) -> Counts:
    """Compares rows (frame, id, x, y, width, height) of the truth with those of an answer."""
    frames, truth_ids, answer_ids = _by_frame(truth, answer)
    matched, missed, spurious, associated = _hota(frames, truth_ids, answer_ids)
    clear_matched, switches = _clear(frames, truth_ids)
    return Counts(
        matched, missed, spurious, associated, len(truth), len(answer),
        _identified(frames, truth_ids, answer_ids), clear_matched, switches,
    )  # fmt: skip


def _by_frame(truth: Floats, answer: Floats) -> tuple[list[_Frame], int, int]:
    truth = truth[np.argsort(truth[:, 0], kind="stable")]
    answer = answer[np.argsort(answer[:, 0], kind="stable")]
    truth_names, truth_ids = np.unique(truth[:, 1], return_inverse=True)
    answer_names, answer_ids = np.unique(answer[:, 1], return_inverse=True)
    frames: list[_Frame] = []
    for number in np.unique(np.concatenate((truth[:, 0], answer[:, 0]))):
        t = slice(*np.searchsorted(truth[:, 0], (number - 0.5, number + 0.5)))
        a = slice(*np.searchsorted(answer[:, 0], (number - 0.5, number + 0.5)))
        frames.append(_Frame(truth_ids[t], answer_ids[a], overlap(truth[t, 2:6], answer[a, 2:6])))
    return frames, len(truth_names), len(answer_names)


def _hota(frames: list[_Frame], truths: int, answers: int) -> tuple[Floats, Floats, Floats, Floats]:
    together = np.zeros((truths, answers))
    truth_count, answer_count = np.zeros(truths), np.zeros(answers)
    for frame in frames:
        shared = frame.similarity
        either = shared.sum(axis=0)[None, :] + shared.sum(axis=1)[:, None] - shared
        share = np.divide(shared, either, out=np.zeros_like(shared), where=either > _EPSILON)
        together[np.ix_(frame.truth, frame.answer)] += share
        truth_count[frame.truth] += 1
        answer_count[frame.answer] += 1
    total = truth_count[:, None] + answer_count[None, :]
    alignment = together / np.maximum(total - together, _EPSILON)
    matched, missed, spurious = np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS))
    pairs = np.zeros((len(ALPHAS), truths, answers))
    for frame in frames:
        value = alignment[np.ix_(frame.truth, frame.answer)] * frame.similarity
        rows, columns = assign(-value, value > 0)
        near = frame.similarity[rows, columns][None, :] >= ALPHAS[:, None] - _EPSILON
        which, pair = np.nonzero(near)
        pairs[which, frame.truth[rows[pair]], frame.answer[columns[pair]]] += 1
        hits = near.sum(axis=1)
        matched += hits
        missed += len(frame.truth) - hits
        spurious += len(frame.answer) - hits
    associated = (pairs * (pairs / np.maximum(1, total[None] - pairs))).sum(axis=(1, 2))
    return matched, missed, spurious, associated


def _clear(frames: list[_Frame], truths: int) -> tuple[int, int]:
    """Matches and switches; a pair of the frame before goes on where it can."""
    last = np.full(truths, -1)
    last_frame = np.full(truths, -1)
    matched = switches = 0
    for frame in frames:
        if not len(frame.truth) or not len(frame.answer):
            continue
        value = 1000.0 * (frame.answer[None, :] == last_frame[frame.truth][:, None]) + frame.similarity
        rows, columns = assign(-value, frame.similarity >= OVERLAP - _EPSILON)
        truth, answer = frame.truth[rows], frame.answer[columns]
        switches += int(((last[truth] >= 0) & (last[truth] != answer)).sum())
        last[truth] = answer
        last_frame[:] = -1
        last_frame[truth] = answer
        matched += len(truth)
    return matched, switches


def _identified(frames: list[_Frame], truths: int, answers: int) -> int:
    """Boxes that the best one-to-one pairing of ids over the sequence gets right."""
    together = np.zeros((truths, answers))
    for frame in frames:
        rows, columns = np.nonzero(frame.similarity >= OVERLAP)
        together[frame.truth[rows], frame.answer[columns]] += 1
    rows, columns = assign(-together, together > 0)
    return int(together[rows, columns].sum())
