"""`reelballers evaluate players`: a clip's players as pictures."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pycore.protocol import Size, TrackColumns, Tracking
from pycore.tracking import Sight
from server.cli import main
from server.evaluate.players import CELL, MOMENTS, sheets
from server.tests.clips import make

GRASS = (60, 120, 50)


def walking(frames: int) -> list[np.ndarray]:
    """A red player, 10x24 pixels, who walks to the right."""
    pictures = []
    for number in range(frames):
        picture = np.full((96, 160, 3), GRASS, np.uint8)
        picture[40:64, 10 + 3 * number : 20 + 3 * number] = (220, 20, 20)
        pictures.append(picture)
    return pictures


def test_each_moment_shows_the_player_in_the_box(tmp_path: Path) -> None:
    clip = make(tmp_path / "walk.mp4", walking(30))
    frames = list(range(2, 28))
    boxes = [side for number in frames for side in (10.0 + 3 * number, 40.0, 10.0, 24.0)]
    sights = [Sight.SEEN] * 20 + [Sight.GUESSED] * 6
    track = TrackColumns("7", frames, boxes, [0.9] * 26, [int(each) for each in sights])
    tracking = Tracking(Size(160, 96), [number * 40_000 for number in range(30)], tracks=[track])
    ((player, sheet),) = sheets(clip, tracking)
    assert player.id == "7"
    assert sheet.size == (MOMENTS * CELL[0], CELL[1])
    pixels = np.asarray(sheet).astype(int)
    for cell in np.split(pixels, MOMENTS, axis=1):
        assert cell[CELL[1] // 2, CELL[0] // 2] == pytest.approx([220, 20, 20], abs=25)
    for cell, color in ((pixels[:, : CELL[0]], "#40e060"), (pixels[:, -CELL[0] :], "#ff5040")):
        wanted = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
        assert (np.abs(cell - wanted).max(axis=2) < 5).sum() > 50, "the box in the colour of its sight"


def test_a_clip_without_players_and_one_that_is_none(tmp_path: Path) -> None:
    clip = make(tmp_path / "grass.mp4", [np.full((96, 160, 3), GRASS, np.uint8)] * 2)
    out = tmp_path / "out"
    ran = CliRunner().invoke(
        main, ["evaluate", "players", str(clip), "--out", str(out), "--device", "cpu", "--net", "browser"]
    )
    assert ran.exit_code == 0, ran.output
    assert "0 players in 2 frames" in ran.output
    assert [path.name for path in out.iterdir()] == ["tracks.json"]
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    ran = CliRunner().invoke(main, ["evaluate", "players", str(tmp_path / "bad.mp4"), "--out", str(out)])
    assert ran.exit_code != 0
