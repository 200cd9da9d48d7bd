"""`reelballers evaluate upscaler`: its table, its JSON, its protocol, and what it says when it cannot."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pycore.protocol import ReelError
from server.cli import main
from server.evaluate import evaluate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A soft and a sharp picture, of odd sizes."""
    rng = np.random.default_rng(2)
    for name, cells in (("soft.png", 12), ("sharp.jpg", 40)):
        small = rng.integers(20, 235, (cells, cells, 3), dtype=np.uint8)
        Image.fromarray(small).resize((131, 105), Image.Resampling.BICUBIC).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_figures_of_every_net_against_both_references(folder: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "upscaler", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["pictures"], report["crf"]) == (2, 23)
    rows = report["results"]
    assert list(rows) == ["bicubic", "lanczos", "net s", "net m", "net l"]
    assert rows["lanczos"]["psnr_gain"] == rows["lanczos"]["ssim_gain"] == 0
    assert rows["net s"]["psnr"] == pytest.approx((rows["net s"]["psnr_i"] + rows["net s"]["psnr_p"]) / 2)
    assert rows["net s"]["psnr_gain"] == pytest.approx(rows["net s"]["psnr"] - rows["lanczos"]["psnr"])
    assert all(20 < row["psnr"] < 60 and 0.3 < row["ssim"] < 1 for row in rows.values())


def test_harder_compression_scores_lower(folder: Path) -> None:
    def psnr(crf: str) -> float:
        arguments = ["evaluate", "upscaler", str(folder), "--net", "s", "--crf", crf, "--json"]
        return json.loads(CliRunner().invoke(main, arguments).stdout)["results"]["net s"]["psnr"]

    assert psnr("18") > psnr("32")


def test_a_table_by_default_and_the_protocol_in_the_help(folder: Path) -> None:
    table = CliRunner().invoke(main, ["evaluate", "upscaler", str(folder), "--net", "m"]).stdout
    assert "net m" in table
    assert "net s" not in table
    help_text = CliRunner().invoke(main, ["evaluate", "upscaler", "--help"]).stdout
    for fixed in ("BT.709", "bicubic", "preset medium", "Frame types", "border"):
        assert fixed in help_text


@pytest.mark.parametrize(
    ("pictures", "options", "code"),
    [
        ([], [], "evaluate.empty"),
        ([(40, 40)], [], "evaluate.picture"),
        ([(80, 80)], ["--models", "."], "evaluate.weights"),
    ],
)
def test_what_cannot_be_judged_is_named(
    tmp_path: Path, pictures: list[tuple[int, int]], options: list[str], code: str
) -> None:
    for index, size in enumerate(pictures):
        Image.new("RGB", size).save(tmp_path / f"{index}.png")
    arguments = ["upscaler", str(tmp_path), *options]
    with pytest.raises(ReelError) as raised:
        evaluate.main(arguments, standalone_mode=False)
    assert raised.value.problem.code == code


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(ReelError, match=r"broken\.png"):
        evaluate.main(["upscaler", str(tmp_path)], standalone_mode=False)
