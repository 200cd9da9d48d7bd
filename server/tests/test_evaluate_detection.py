"""`reelballers evaluate detection`: figures of the shipped net, and what it says when it cannot judge."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from server.cli import main


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """An empty pitch, and one where a player is labelled whom nobody can see."""
    for name, label in (("empty", ""), ("labelled", "2 0.5 0.5 0.1 0.4\n")):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "labels").mkdir(exist_ok=True)
        Image.fromarray(np.full((96, 160, 3), (60, 120, 50), np.uint8)).save(
            tmp_path / "images" / f"{name}.png"
        )
        (tmp_path / "labels" / f"{name}.txt").write_text(label)
    return tmp_path / "images"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(
        main, ["evaluate", "detection", *arguments, "--device", "cpu"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    """What is said, without white space: lines are broken to fit the terminal."""
    result = CliRunner().invoke(main, ["evaluate", "detection", *arguments, "--net", "browser"])
    assert result.exit_code == 2
    return "".join(result.output.split())


@pytest.mark.parametrize("net", ["browser", "server"])
def test_figures_of_each_class(images: Path, net: str) -> None:
    report = json.loads(run(str(images), "--net", net, "--json"))
    assert (report["net"], report["pictures"], report["device"]) == (net, 2, "cpu")
    assert report["results"]["person"]["truths"] == 1
    assert report["results"]["person"]["ap50"] == 0
    assert report["results"]["ball"]["ap50"] is None


def test_a_table_and_only_the_named_pictures(images: Path) -> None:
    assert "1 pictures" in run(str(images), "--net", "browser", "--prefix", "empty")


@pytest.mark.parametrize("label", ["7 0.5 0.5 0.1 0.1", "2 0.5 0.5", "2 a b c d", "2 nan 0.5 0.1 0.1"])
def test_labels_that_are_none_are_named(images: Path, label: str) -> None:
    (images.parent / "labels" / "labelled.txt").write_text(label)
    assert "labelled.txt" in refused(str(images))


def test_no_pictures(tmp_path: Path) -> None:
    assert "nothingtojudge" in refused(str(tmp_path))
