import json
import zipfile
from pathlib import Path

import pytest

from deploy.tooling import dist, wheel
from deploy.tooling.manifest import Asset
from deploy.tooling.ui import BuildError


def test_a_failing_build_leaves_the_old_one_whole(tmp_path: Path):
    target, scratch = tmp_path / "dist", tmp_path / "cache"
    dist.replace(target, lambda folder: (folder / "page").mkdir(), scratch)

    def half(folder: Path) -> None:
        (folder / "page").write_text("new")
        assert (target / "page").is_dir()  # nothing of the new is visible yet
        raise BuildError("the second file is missing")

    with pytest.raises(BuildError):
        dist.replace(target, half, scratch)
    assert (target / "page").is_dir()
    assert list(scratch.iterdir()) == []


def test_a_build_replaces_the_old_one_whole(tmp_path: Path):
    target, scratch = tmp_path / "dist", tmp_path / "cache"
    dist.replace(target, lambda folder: (folder / "old").touch(), scratch)
    dist.replace(target, lambda folder: (folder / "new").touch(), scratch)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("text", [None, "", '{"version": '])
def test_an_incomplete_folder_counts_as_not_built(tmp_path: Path, text: str | None):
    if text is not None:
        (tmp_path / "build.json").write_text(text)
    assert dist.built(tmp_path) is None


def test_a_built_folder_tells_what_it_was_built_from(tmp_path: Path):
    stamp = {"version": "1", "commit": None, "inputs": "x"}
    (tmp_path / "build.json").write_text(json.dumps({**stamp, "files": {}}))
    assert dist.built(tmp_path) == stamp


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with a page and a pycore."""
    for name in (
        "web/index.html",
        "web/.hidden",
        "pycore/__init__.py",
        "pycore/app.py",
        "pycore/backends/browser.py",
        "pycore/backends/native.py",
        "pycore/tests/test_app.py",
        "pycore/__pycache__/app.cpython-311.pyc",
        "pycore/native.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    return tmp_path


def test_the_wheel_holds_what_the_browser_needs(tree: Path):
    with zipfile.ZipFile(wheel.write(tree, "1.0", tree)) as archive:
        assert sorted(archive.namelist()) == [
            "pycore-1.0.dist-info/METADATA",
            "pycore-1.0.dist-info/RECORD",
            "pycore-1.0.dist-info/WHEEL",
            "pycore/__init__.py",
            "pycore/app.py",
            "pycore/backends/browser.py",
            "pycore/native.py",
        ]


def test_the_wheels_name_follows_its_content(tree: Path):
    first = wheel.write(tree, "1.0", tree)
    content = first.read_bytes()
    first.unlink()
    assert wheel.write(tree, "1.0", tree) == first
    assert first.read_bytes() == content
    (tree / "pycore" / "app.py").write_text("# changed\n")
    assert wheel.write(tree, "1.0", tree) != first


def test_hidden_files_are_not_served(tree: Path):
    assert [path.name for path in dist.web_files(tree)] == ["index.html"]


def test_a_page_file_cannot_shadow_an_asset(tree: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dist, "ROOT", tree)
    monkeypatch.setattr(dist, "ASSETS", tree)
    (tree / "web" / "demo").mkdir()
    (tree / "web" / "demo" / "demo.mp4").touch()
    (tree / "demo").mkdir()
    (tree / "demo" / "demo.mp4").touch()
    clip = Asset("clip", "1", "MIT", "for tests", "demo", {"demo.mp4": "0" * 64}, (), "demo")
    with pytest.raises(BuildError, match="Two things want to be demo"):
        dist.assemble(tree / "out", [clip], {})


def test_no_git_no_commit(tmp_path: Path):
    assert dist.commit(tmp_path) is None
