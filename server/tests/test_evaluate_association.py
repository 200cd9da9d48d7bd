"""`reelballers evaluate association`: TrackEval's figures, its output, and what it says about bad folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pycore.protocol import ReelError
from pycore.tracking import Floats
from server.cli import main
from server.evaluate import evaluate
from server.evaluate.metrics import count, scores


def truth(frames: int = 60) -> Floats:
    """Six players who run back and forth across each other: rows (frame, id, x, y, width, height)."""
    rows = []
    for frame in range(1, frames + 1):
        for player in range(6):
            if player == 5 and 20 <= frame < 30:
                continue
            x = 300 + 150 * np.sin(frame / 15 + player)
            rows.append((frame, player, round(x, 3), 100 + 14 * player, 30 + player, 70 + 2 * player))
    return np.array(rows, float)


def answer(gt: Floats) -> Floats:
    """A bad tracker's: shifted boxes, holes, swaps, pieces, and boxes where nobody is."""
    rows = []
    for frame, player, x, y, width, height in gt.tolist():
        step = int(frame * 7 + player * 5)
        if step % 11 == 0:
            continue
        name = player + 10
        if 25 <= frame < 45 and player in (1, 2):
            name = 13 - player + 10
        if frame > 40 and player == 4:
            name = 30
        rows.append(
            (frame, name, x + (step % 9) - 4, y + (step % 5) - 2, width * (1 + step % 3 / 10), height)
        )
        if step % 17 == 0:
            rows.append((frame, 50 + step % 4, x + 200, y + 40, width, height))
    return np.array(rows, float)


def write(folder: Path, rows: Floats, detections: str, info: str | None = None) -> Path:
    for name in ("gt", "det"):
        (folder / name).mkdir(parents=True)
    np.savetxt(folder / "gt" / "gt.txt", np.column_stack((rows, np.ones(len(rows)))), delimiter=",", fmt="%g")
    (folder / "det" / "det.txt").write_text(detections)
    if info is not None:
        (folder / "seqinfo.ini").write_text(info)
    return folder


INFO = "[Sequence]\nname=it\nframeRate=25\nseqLength=60\n"


def perfect(rows: Floats) -> str:
    return "".join(f"{r[0]:g},-1,{r[2]:g},{r[3]:g},{r[4]:g},{r[5]:g},0.9\n" for r in rows)


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    return write(tmp_path / "match", truth(), perfect(truth()), INFO)


def test_figures_are_trackeval_s() -> None:
    """Those that TrackEval 1.3.0 gives for the same rows, one sequence and two as one."""
    one = count(truth(), answer(truth()))
    two = count(truth(25), answer(truth(25)))
    for counted, expected in (
        ([one], (61.76856550, 55.90190425, 68.25594154, 76.96793003, 84.28571429, 5)),
        ([one, two], (64.10611560, 60.16998267, 68.30407155, 81.23711340, 84.41295547, 7)),
    ):
        found = scores(counted)
        shares = (found.hota, found.ass_a, found.det_a, found.idf1, found.mota)
        assert (*(100 * share for share in shares), found.switches) == pytest.approx(expected, abs=1e-7)


def test_who_is_right_all_the_time_scores_everything() -> None:
    perfect_scores = scores([count(truth(), truth())])
    assert (perfect_scores.hota, perfect_scores.idf1, perfect_scores.mota) == pytest.approx((1, 1, 1))
    assert perfect_scores.switches == 0


def test_an_empty_answer_scores_nothing() -> None:
    nothing = scores([count(truth(), np.zeros((0, 6)))])
    assert (nothing.hota, nothing.idf1, nothing.mota, nothing.switches) == (0, 0, 0, 0)
    spurious = scores([count(np.zeros((0, 6)), truth())])
    assert (spurious.hota, spurious.idf1) == (0, 0)


def test_a_table_with_every_figure_online_and_linked(sequence: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "association", str(sequence)])
    assert result.exit_code == 0, result.output
    for word in ("HOTA", "AssA", "DetA", "IDF1", "MOTA", "switches", "online", "linked", "match", "all"):
        assert word in result.stdout


def test_json_of_several_sequences(sequence: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", truth(30), perfect(truth(30)))
    result = CliRunner().invoke(main, ["evaluate", "association", str(sequence), str(other), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert set(report) == {"sequences", "all"}
    assert list(report["sequences"]) == [str(sequence), str(other)]
    for pair in [*report["sequences"].values(), report["all"]]:
        assert list(pair) == ["online", "linked"]
        for figures in pair.values():
            assert list(figures) == ["HOTA", "AssA", "DetA", "IDF1", "MOTA", "switches"]
    assert report["all"]["linked"]["HOTA"] > report["all"]["online"]["HOTA"] > 50


def test_a_sequence_without_detections_scores_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "blind", truth(), "", INFO)
    report = json.loads(CliRunner().invoke(main, ["evaluate", "association", str(folder), "--json"]).stdout)
    assert report["all"]["online"]["HOTA"] == report["all"]["linked"]["HOTA"] == 0


def test_truth_that_is_marked_0_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path / "marked", truth(), perfect(truth()), INFO)
    lines = (folder / "gt" / "gt.txt").read_text()
    marked = "".join(f"{frame},99,900,500,30,70,0\n" for frame in range(1, 61))
    before = CliRunner().invoke(main, ["evaluate", "association", str(folder), "--json"]).stdout
    (folder / "gt" / "gt.txt").write_text(lines + marked)
    assert CliRunner().invoke(main, ["evaluate", "association", str(folder), "--json"]).stdout == before


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("seqinfo.ini", "[Sequence]\nseqLength=many\nframeRate=25\n", "seqLength"),
        ("seqinfo.ini", "[Sequence]\nseqLength=60\nframeRate=0\n", "out of range"),
        ("seqinfo.ini", "[Sequence]\nseqLength=10\nframeRate=25\n", "outside 1 to 10"),
        ("gt/gt.txt", "1,2,3\n", "at least 6"),
        ("gt/gt.txt", "a,b\n", "comma-separated"),
        ("det/det.txt", "1,-1,5,5,10,20,50\n", "outside 0 to 1"),
        ("det/det.txt", "1,-1,5,5,0,20,0.5\n", "no width"),
        ("det/det.txt", "1,-1,5,5,nan,20,0.5\n", "finite"),
        ("det/det.txt", "1,-1,5,5,9,20,0.5\n1,-1\n", "comma-separated"),
    ],
)
def test_a_bad_file_is_named(sequence: Path, file: str, text: str, said: str) -> None:
    (sequence / file).write_text(text)
    with pytest.raises(ReelError, match=said) as raised:
        evaluate.main(["association", str(sequence)], standalone_mode=False)
    assert raised.value.problem.code == "evaluate.sequence"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "association", str(tmp_path / "gone")])
    assert result.exit_code == 2
    assert "gone" in result.stderr
