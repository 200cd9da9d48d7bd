"""What build.py says and does on machines that lack something."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.tooling import system
from deploy.tooling.paths import ROOT
from deploy.tooling.ui import BuildError


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get on the PATH that writes down what it was asked; returns its log."""
    log = tmp_path / "log"
    program = tmp_path / "apt-get"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    log.touch()
    return log


@pytest.mark.parametrize("platform", ["win32", "cygwin", "msys"])
def test_windows_is_told_of_wsl2(platform: str):
    with pytest.raises(BuildError, match="WSL2"):
        system.check_platform(platform)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_linux_and_macos_are_fine(platform: str):
    system.check_platform(platform)


def test_a_complete_python_needs_nothing(apt_get: Path):
    system.ensure_venv_module()
    assert apt_get.read_text() == ""


def test_root_on_debian_gets_python3_venv(apt_get: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(system, "is_root", lambda: True)
    monkeypatch.setattr(
        system, "venv_missing", lambda: [] if "python3-venv" in apt_get.read_text() else ["ensurepip"]
    )
    system.ensure_venv_module()
    assert apt_get.read_text().splitlines() == [
        "-q update",
        "-q install -y --no-install-recommends python3-venv",
    ]


def test_a_python_beside_debians_own_needs_the_package_of_its_version(
    apt_get: Path, monkeypatch: pytest.MonkeyPatch
):
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    monkeypatch.setattr(system, "is_root", lambda: True)
    monkeypatch.setattr(system, "venv_missing", lambda: [] if own in apt_get.read_text() else ["ensurepip"])
    system.ensure_venv_module()
    assert own in apt_get.read_text()


def test_anyone_else_on_debian_gets_the_exact_line(apt_get: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(system, "is_root", lambda: False)
    monkeypatch.setattr(system, "venv_missing", lambda: ["ensurepip"])
    with pytest.raises(BuildError) as caught:
        system.ensure_venv_module()
    assert "sudo apt-get update && sudo apt-get install --no-install-recommends python3-venv" in str(
        caught.value
    )
    assert apt_get.read_text() == ""


def test_no_apt_no_apt_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(system, "have_apt", lambda: False)
    monkeypatch.setattr(system, "venv_missing", lambda: ["venv", "ensurepip"])
    with pytest.raises(BuildError) as caught:
        system.ensure_venv_module()
    assert "lacks venv and ensurepip" in str(caught.value)
    assert "apt" not in str(caught.value)


def test_a_failing_apt_get_is_no_success(apt_get: Path, monkeypatch: pytest.MonkeyPatch):
    apt_get.with_name("apt-get").write_text("#!/bin/sh\necho 'E: no such package' >&2; exit 100\n")
    monkeypatch.setattr(system, "is_root", lambda: True)
    assert not system.apt_install(["chromium"], "a test")


def test_an_old_python_gets_a_sentence_instead_of_a_traceback():
    ast.parse((ROOT / "build.py").read_text(), feature_version=(3, 4))
    old = "import sys, runpy; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (x)'"
    done = subprocess.run(
        [sys.executable, "-c", f"{old}; runpy.run_path('build.py')"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is 3.9.2" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["run", "--", "-x"], "only `test` takes arguments after --"),
        (["run", "--tls-cert", "a.pem"], "belong together"),
    ],
)
def test_a_wrong_command_line_is_explained(args: list[str], says: str):
    done = subprocess.run([sys.executable, "build.py", *args], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
