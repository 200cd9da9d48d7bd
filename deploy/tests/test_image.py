"""The worker's image, as far as it can be judged without a container engine."""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.tooling import image, locks, manifest
from deploy.tooling.paths import MANIFEST, ROOT

DOCKERFILE = (image.FOLDER / "Dockerfile").read_text()
LINES = re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in LINES if line.startswith(f"{name} ")]


def names(file: str) -> set[str]:
    lock = (image.FOLDER / file).read_text()
    return {line.split("==")[0] for line in locks.constraints(lock).splitlines()}


@pytest.mark.parametrize("path", image.files(), ids=lambda path: path.name)
def test_what_is_committed_is_what_would_be_written(path: Path):
    assert path.read_text() == image.files()[path], "run: python3 build.py image"


def test_every_pin_of_the_lock_is_installed_once():
    torch, rest = names("requirements-torch.txt"), names("requirements.txt")
    locked = locks.constraints((locks.LOCKS / "runpod.txt").read_text())
    assert torch | rest == {line.split("==")[0] for line in locked.splitlines()}
    assert not torch & rest
    assert "torch" in torch
    assert {"runpod", "av", "numpy"} <= rest


def test_bases_and_packages_are_pinned():
    assert all(re.search(r":\d+\.\d+\.\d+-", each) for each in instructions("FROM"))
    installs = [line for line in instructions("RUN") if line.startswith("pip")]
    assert len(installs) == 2
    assert all("--require-hashes" in line and "--no-cache-dir" in line for line in installs)
    assert "://" not in DOCKERFILE


def test_it_does_not_run_as_root():
    (user,) = instructions("USER")
    assert int(user) > 0
    assert LINES.index(f"USER {user}") > max(number for number, line in enumerate(LINES) if "RUN" in line)


def test_every_weights_file_is_checked_against_its_sum():
    pinned = image.weights(manifest.read(MANIFEST))
    assert pinned
    (check,) = (line for line in instructions("RUN") if "sha256sum --check" in line)
    for asset in pinned:
        for name, digest in asset.files.items():
            assert f"{digest}  {name}" in check


def test_the_code_comes_last_so_that_a_new_version_is_a_small_layer():
    order = ["requirements-torch.txt", "requirements.txt", "--from=weights", " server "]
    places = [max(number for number, line in enumerate(LINES) if each in line) for each in order]
    assert places == sorted(places)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the build would copy."""
    folder = tmp_path_factory.mktemp("image")
    ignored = [
        line
        for line in (image.FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
        if line and not line.startswith(("#", "!", "*\n")) and line != "*"
    ]

    def skip(directory: str, found: list[str]) -> set[str]:
        below = Path(directory).relative_to(ROOT)
        paths = {name: (below / name).as_posix() for name in found}
        return {
            name
            for name, path in paths.items()
            if any(
                fnmatch.fnmatch(path, each.removeprefix("**/")) or each == f"**/{name}" for each in ignored
            )
        }

    for each in image.CODE:
        source, target = ROOT / each, folder / each
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=skip)
        else:
            shutil.copy(source, target)
    return folder


def test_the_handler_starts_from_what_is_copied_and_installed_alone(tree: Path):
    assert not (tree / "server" / "tests").exists()
    assert not (tree / "server" / "api").exists()
    look = (
        "import sys, json, importlib.metadata as m; import deploy.runpod.handler as h; "
        "assert h.__file__.startswith(sys.argv[1]), h.__file__; "
        "import server.gpu; assert server.gpu.__file__.startswith(sys.argv[1]); "
        "tops = {n.partition('.')[0] for n in list(sys.modules)}; "
        "of = m.packages_distributions(); "
        "print(json.dumps(sorted({each for top in tops for each in of.get(top, [])})))"
    )
    command = [sys.executable, "-c", look, str(tree)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    used = {re.sub(r"[._]+", "-", each.lower()) for each in json.loads(done.stdout.splitlines()[-1])}
    spare = {"reelballers", "pip", "setuptools", "pytest", "pytest-timeout"}
    assert used - spare <= names("requirements.txt") | names("requirements-torch.txt")


def test_the_test_input_is_a_task(tree: Path):
    from server.gpu.tasks import parse_task

    task = parse_task(json.loads((ROOT / "deploy" / "runpod" / "test_input.json").read_text())["input"])
    assert task.task == "export"
