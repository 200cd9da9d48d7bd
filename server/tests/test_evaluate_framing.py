"""`reelballers evaluate framing`."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from server.cli import main
from server.evaluate.framing import judged

FRAMES = 60


def sequence(folder: Path) -> Path:
    """Two players who cross the picture, every box detected."""
    rows = [
        (frame, number, 100 + 150 * number + 8 * frame * (1 - number), 200 + 150 * number, 40, 100)
        for frame in range(1, FRAMES + 1)
        for number in (0, 1)
    ]
    (folder / "gt").mkdir(parents=True)
    (folder / "det").mkdir()
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nseqLength={FRAMES}\nframeRate=25\nimWidth=1280\nimHeight=720\n"
    )
    true = [f"{f},{i},{x},{y},{w},{h},1,1,1" for f, i, x, y, w, h in rows]
    found = [f"{f},-1,{x},{y},{w},{h},0.9" for f, _, x, y, w, h in rows]
    (folder / "gt" / "gt.txt").write_text("\n".join(true))
    (folder / "det" / "det.txt").write_text("\n".join(found))
    return folder


@pytest.mark.parametrize("options", [[], ["--identity"]])
def test_players_who_are_always_seen_are_always_in_the_crop(tmp_path: Path, options: list[str]) -> None:
    folder = str(sequence(tmp_path / "two"))
    ran = CliRunner().invoke(main, ["evaluate", "framing", folder, "--json", *options])
    assert ran.exit_code == 0, ran.output
    figures = json.loads(ran.stdout)["all"]
    assert set(figures) == {"offline", "live", "Kalman"}
    assert figures["offline"]["inside"] == 100
    assert figures["offline"]["frames"] == 2 * FRAMES
    assert figures["offline"]["jerk"] < figures["Kalman"]["jerk"]


def test_a_table_for_people(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["evaluate", "framing", str(sequence(tmp_path / "two"))])
    assert ran.exit_code == 0
    assert "two" in ran.stdout and "offline" in ran.stdout


def test_what_is_judged() -> None:
    """A crop of height 100 whose centre goes by t^3: jerk 6 per second^3, in crop heights 0.06."""
    times = np.arange(20) / 25
    path = np.stack([times**3, np.zeros(20), np.full(20, 50.0), np.full(20, 100.0)], axis=1)
    true = path + np.array([5.0, 5.0, -10.0, -10.0])
    true[3] = np.nan
    true[7, 0] -= 6  # out to the left
    got = judged(path, true, 25.0, 0)
    assert (got.visible, got.inside, got.samples) == (19, 18, 17)
    assert got.table()["jerk"] == pytest.approx(0.06)
