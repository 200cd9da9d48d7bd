"""The locks agree with pyproject.toml and with each other, and name no place to fetch from."""

import re
import tomllib

import pytest

from deploy.tooling import locks, torch_wheel
from deploy.tooling.paths import LOCKS, ROOT
from deploy.tooling.ui import BuildError

NAMES = ("pip", "runtime", "build", "test", "runpod")


def pins(name: str) -> set[str]:
    """{"package==version", ...}; a package may have two for different Pythons."""
    return {
        line.split(" ;")[0].strip()
        for line in locks.constraints((LOCKS / f"{name}.txt").read_text()).splitlines()
    }


def test_each_contains_the_one_before():
    assert pins("runtime") < pins("build") < pins("test")


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_pinned_and_hashed(name: str):
    blocks = re.split(r"\n(?=\S)", (LOCKS / f"{name}.txt").read_text().strip())
    for block in blocks:
        assert re.match(r"^[a-z0-9][a-z0-9._-]*==\S+", block), block
        assert "--hash=sha256:" in block


@pytest.mark.parametrize("name", NAMES)
def test_no_address_is_recorded(name: str):
    assert not re.search(r"://|--(extra-)?index-url|--find-links|file:", (LOCKS / f"{name}.txt").read_text())


def test_everything_that_pyproject_asks_for_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = {"runtime": project["project"]["dependencies"] + groups["torch"] + groups["speed"]}
    wanted["build"] = wanted["runtime"] + groups["build"]
    wanted["test"] = wanted["build"] + groups["test"]
    for name, requirements in wanted.items():
        locked = {pin.split("==")[0] for pin in pins(name)}
        for requirement in requirements:
            assert re.split(r"[<>=;\[ ]", requirement)[0] in locked, f"{requirement}: run build.py lock"


def test_the_workers_lock_agrees_with_what_tests_run():
    tested = pins("test")
    names = {pin.split("==")[0] for pin in tested}
    both = {pin for pin in pins("runpod") if pin.split("==")[0] in names}
    assert both <= tested
    assert {"runpod", "av", "numpy", "pydantic", "httpx", "safetensors"} <= {
        pin.split("==")[0] for pin in both
    }
    assert f"torch=={torch_wheel.VERSION}" in pins("runpod")


def test_torch_stands_outside_the_locks_and_its_imports_inside():
    assert not any(pin.startswith("torch==") for pin in pins("test"))
    runtime = {pin.split("==")[0] for pin in pins("runtime")}
    assert {"sympy", "networkx", "jinja2", "fsspec", "filelock"} <= runtime


def test_constraints_are_a_lock_without_hashes():
    lock = "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"
    lock += "b==2 ; python_version < '3.12' --hash=sha256:22\n"
    assert locks.constraints(lock) == "a==1\nb==2 ; python_version < '3.12'\n"


@pytest.mark.parametrize(
    ("asked", "driver", "system", "flavour"),
    [
        ("auto", False, "linux", "cpu"),
        ("auto", True, "linux", "cuda"),
        ("auto", True, "darwin", "cpu"),
        ("cpu", True, "linux", "cpu"),
        ("cuda", False, "linux", "cuda"),
        ("cpu", False, "darwin", "cpu"),
    ],
)
def test_which_torch(asked: str, driver: bool, system: str, flavour: str):
    assert torch_wheel.choose(asked, driver, system) == flavour


def test_no_cuda_on_a_mac():
    with pytest.raises(BuildError, match="no CUDA build"):
        torch_wheel.choose("cuda", False, "darwin")


@pytest.mark.parametrize("place", ["dev/nvidiactl", "usr/lib/wsl/lib/libcuda.so.1"])
def test_an_nvidia_driver_is_seen(tmp_path, place: str):
    assert not torch_wheel.nvidia_driver(tmp_path)
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).touch()
    assert torch_wheel.nvidia_driver(tmp_path)
