from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from server.tests import clips
from server.video.frames import FrameTable, frame_table


def test_constant_rate(tmp_path: Path) -> None:
    table = frame_table(clips.make(tmp_path / "a.mp4", clips.numbered(12)))
    assert table.times_us().tolist() == [40_000 * number for number in range(12)]
    assert table.duration_us == 480_000
    assert table.fps == pytest.approx(25)


def test_thirds_of_a_frame_rate_round_to_the_nearest_microsecond() -> None:
    table = FrameTable(np.arange(4) * 1001, np.array([0]), 4004, Fraction(1, 30000))
    assert table.times_us().tolist() == [0, 33_367, 66_733, 100_100]


def test_variable_rate_is_kept(tmp_path: Path) -> None:
    times = [0, 5, 9, 31, 32, 60, 61, 62, 100]
    path = clips.make(tmp_path / "a.mp4", clips.numbered(9), pts=times, time_base=Fraction(1, 240))
    assert frame_table(path).times_us().tolist() == [round(time * 1e6 / 240) for time in times]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mov"])
def test_every_container_starts_at_zero(tmp_path: Path, suffix: str) -> None:
    table = frame_table(clips.make(tmp_path / f"a.{suffix}", clips.numbered(10)))
    assert table.times_us().tolist() == [40_000 * number for number in range(10)]


def test_edit_list_hides_what_it_cuts_away(tmp_path: Path) -> None:
    whole = clips.make(tmp_path / "a.mp4", clips.numbered(50), options={"g": "25"})
    cut = tmp_path / "cut.mp4"
    # Copying from 1.4 s starts at the keyframe at 1.0 s and hides ten frames behind an edit list.
    clips.ffmpeg("-ss", "1.4", "-i", str(whole), "-c", "copy", str(cut))
    table = frame_table(cut)
    assert len(table) == 15
    assert table.times_us().tolist() == [40_000 * number for number in range(15)]


@pytest.mark.parametrize(
    ("in_us", "out_us", "expected"),
    [
        (0, 400_000, (0, 10)),
        (80_000, 200_000, (2, 3)),
        (79_999, 199_999, (2, 3)),  # a browser's rounding
        (80_001, 200_001, (2, 3)),
        (81_000, 200_000, (3, 2)),  # really later
        (390_000, 400_000, (10, 0)),
        (200_000, 100_000, (5, 0)),
        (-5, 10**12, (0, 10)),
    ],
)
def test_trim(in_us: int, out_us: int, expected: tuple[int, int]) -> None:
    table = FrameTable(np.arange(10), np.array([0]), 10, Fraction(1, 25))
    assert table.trim(in_us, out_us) == expected


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "a.mp4", clips.numbered(4))
    assert len(frame_table(path)) == 4
    clips.make(path, clips.numbered(7))
    assert len(frame_table(path)) == 7
