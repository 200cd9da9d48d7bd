"""Two players whom online tracking mixed up while they crossed: cut, joined anew, settled."""

import numpy as np

from pycore.tests.scenes import HEIGHT, WIDTH, walk
from pycore.tracking.contests import ContestSettings, cut, settle
from pycore.tracking.kalman import Noise
from pycore.tracking.linking import LinkSettings, successors
from pycore.tracking.pieces import Piece, joined
from pycore.tracking.smoothing import smooth

FRAMES = 60
MEETING = 30


def estimates(pieces: list[Piece]):
    return smooth([piece.sightings() for piece in pieces], Noise())


def mixed_up() -> tuple[list[Piece], list[np.ndarray]]:
    """Pieces of two players who pass each other, ids swapped halfway; and the players' true paths."""
    rng = np.random.default_rng(2)
    paths = [walk((100, 100), (1.5, 0), FRAMES), walk((190, 103), (-1.5, 0), FRAMES)]
    pieces = []
    for first, second in ((0, 1), (1, 0)):
        middle = np.concatenate((paths[first][:MEETING], paths[second][MEETING:]))
        boxes = np.column_stack(
            (middle - (WIDTH / 2, HEIGHT / 2), np.full(FRAMES, WIDTH), np.full(FRAMES, HEIGHT))
        )
        boxes += rng.normal(0, 1.0, boxes.shape)
        pieces.append(Piece(np.arange(FRAMES), boxes, np.full(FRAMES, 0.9), np.ones(FRAMES), None, 0))
    return pieces, paths


def test_tracks_are_cut_where_players_overlap_and_nothing_is_lost() -> None:
    pieces, _ = mixed_up()
    kept, loose = cut(pieces, estimates(pieces), ContestSettings())
    assert len(kept) == 4
    assert [(piece.cut_before, piece.cut_after) for piece in kept] == [(-1, 0), (0, -1), (-1, 1), (1, -1)]
    assert len(loose) == 2
    assert all(MEETING in piece.frames for piece in loose)
    assert sum(len(piece.frames) for piece in kept + loose) == 2 * FRAMES


def test_far_players_are_left_alone() -> None:
    pieces, _ = mixed_up()
    away = [pieces[0], joined([pieces[1]])]
    away[1].boxes[:, 1] += 200
    kept, loose = cut(away, estimates(away), ContestSettings())
    assert kept == away
    assert loose == []


def test_look_ahead_sets_right_what_was_mixed_up() -> None:
    pieces, paths = mixed_up()
    kept, loose = cut(pieces, estimates(pieces), ContestSettings())
    joins = successors(kept, estimates(kept), Noise(), LinkSettings())
    assert sorted(joins) == [(0, 3), (2, 1)]
    chains = [joined([kept[0], kept[3]]), joined([kept[2], kept[1]])]
    whole = settle(chains, estimates(chains), loose, Noise(), ContestSettings())
    for piece, path in zip(whole, paths, strict=True):
        assert piece.frames.tolist() == list(range(FRAMES))
        error = piece.boxes[:, 0] + piece.boxes[:, 2] / 2 - path[:, 0]
        clear = np.abs(np.arange(FRAMES) - MEETING) > 1
        assert np.abs(error[clear]).max() < 6


def test_sightings_on_nobody_s_path_are_dropped() -> None:
    pieces, _ = mixed_up()
    kept, loose = cut(pieces, estimates(pieces), ContestSettings())
    chains = [joined([kept[0], kept[3]]), joined([kept[2], kept[1]])]
    for piece in loose:
        piece.boxes[:, 1] += 300
    whole = settle(chains, estimates(chains), loose, Noise(), ContestSettings())
    assert [len(piece.frames) for piece in whole] == [len(chain.frames) for chain in chains]
