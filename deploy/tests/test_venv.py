"""What is installed when, with pip replaced by a record of what it was asked."""

import io
from pathlib import Path

import pytest

from deploy.tooling import torch_wheel, venv
from deploy.tooling.pip import PipError
from deploy.tooling.stamps import Stamps, write_atomically
from deploy.tooling.ui import Progress, bar


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that took place, in order; put "fail: STEP" into it to have that step fail once."""
    taken: list[str] = []

    def pip(what: str, *args: object, **options: object) -> None:
        step = next((Path(str(args[i + 1])).name for i, arg in enumerate(args) if arg == "-r"), what)
        if f"fail: {step}" in taken:
            taken.remove(f"fail: {step}")
            raise PipError(step, "no network")
        taken.append(step)

    monkeypatch.setattr(venv, "VENV", tmp_path)
    monkeypatch.setattr(venv, "_works", lambda: True)
    monkeypatch.setattr(venv, "pip", pip)
    monkeypatch.setattr(torch_wheel, "install", lambda flavour: taken.append(f"torch {flavour}"))
    monkeypatch.setattr(torch_wheel, "nvidia_driver", lambda: False)
    return taken


def then(steps: list[str], level: venv.Level, torch: str | None = None) -> list[str]:
    """The steps of one more `ensure`."""
    before = len(steps)
    venv.ensure(level, torch)
    return steps[before:]


def test_everything_once(steps: list[str]):
    assert then(steps, "build") == ["pip.txt", "build.txt", "torch cpu", "Installing reelballers"]
    assert then(steps, "build") == []


def test_the_tests_packages_come_on_top_and_stay(steps: list[str]):
    then(steps, "build")
    assert then(steps, "test") == ["test.txt"]
    assert then(steps, "build") == []


def test_a_torch_that_was_asked_for_by_name_is_remembered(steps: list[str]):
    then(steps, "build")
    assert then(steps, "build", "cuda") == ["torch cuda"]
    assert then(steps, "build") == []
    assert then(steps, "build", "auto") == ["torch cpu"]


def test_a_driver_that_appears_changes_auto(steps: list[str], monkeypatch: pytest.MonkeyPatch):
    then(steps, "build")
    monkeypatch.setattr(torch_wheel, "nvidia_driver", lambda: True)
    assert then(steps, "build") == ["torch cuda"]
    assert then(steps, "build", "cpu") == ["torch cpu"]


def test_what_failed_is_done_again(steps: list[str]):
    then(steps, "build")
    steps.append("fail: test.txt")
    with pytest.raises(PipError, match="no network"):
        venv.ensure("test")
    assert then(steps, "test") == ["test.txt"]


def test_a_damaged_stamp_file_means_that_nothing_was_done(tmp_path: Path):
    path = tmp_path / "stamps.json"
    Stamps(path).set("step", 1)
    assert Stamps(path).get("step") == 1
    path.write_text('{"step"')
    assert Stamps(path).get("step") is None


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "file"
    write_atomically(path, "old")

    def full(self: Path, data: bytes) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_redrawn_on_a_terminal_and_sparse_elsewhere():
    terminal, log = Terminal(), io.StringIO()
    for out in (terminal, log):
        shown = Progress("file", 2_000_000, out, now=float("-inf"))  # the last drawing is long ago
        for _ in range(4):
            shown.add(500_000)
        shown.close()
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("\r\x1b[K  file  [########################] 2.0 / 2.0 MB\n")
    assert log.getvalue() == "  file  [######------------------] 0.5 / 2.0 MB\n"


def test_a_bar_without_a_total_counts():
    assert bar(1_500_000, None) == "1.5 MB"
    assert bar(3, 2) == "[########################] 0.0 / 0.0 MB"
