"""deploy/server, as far as it can be checked without a container engine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.tooling.paths import ROOT, script

SERVER = ROOT / "deploy" / "server"
COMPOSE: dict[str, Any] = yaml.safe_load((SERVER / "compose.yaml").read_text())
DOCKERFILE = (SERVER / "Dockerfile").read_text()
OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == "reelballers"]


def copied() -> list[str]:
    """What the build stage takes from the source tree."""
    found = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in found for source in line.split()[:-1]]


def test_what_is_copied_is_there_and_let_through() -> None:
    allowed = [
        line[1:] for line in (SERVER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    assert sorted(copied()) == sorted(allowed)
    for source in copied():
        assert (ROOT / source).exists(), source


def test_nothing_floats_and_nobody_is_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images = [service["image"] for name, service in COMPOSE["services"].items() if name not in OURS]
    for image in bases + images:
        assert re.search(r":\d+\.\d+", image), image
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)
    for name in OURS:
        assert COMPOSE["services"][name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", OURS)
def test_the_commands_exist(name: str) -> None:
    command = [script("reelballers"), *COMPOSE["services"][name]["command"], "--help"]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_only_the_proxy_is_reachable_and_passwords_are_not_written_down() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["proxy"]
    text = (SERVER / "compose.yaml").read_text()
    assert re.findall(r"POSTGRES_PASSWORD(?!:\s|:\?)", text) == []


def test_the_probes_are_routes() -> None:
    text = (SERVER / "compose.yaml").read_text() + (SERVER / "Caddyfile").read_text()
    found = set(re.findall(r"/api/v1(/system/\w+)", text))
    routes = (ROOT / "server" / "api" / "routes" / "system.py").read_text()
    assert found
    assert all(f'"{route}"' in routes for route in found)


def test_every_setting_of_the_guide_is_one() -> None:
    guide = (ROOT / "deploy" / "README.md").read_text()
    named = set(re.findall(r"\bREELBALLERS_[A-Z0-9_]+", guide)) - {"REELBALLERS_SITE"}
    sources = "".join(path.read_text() for path in (ROOT / "server").rglob("*.py"))
    for name in named:
        short = name.removeprefix("REELBALLERS_")
        assert f'"{short}"' in sources or name in sources or short.rstrip("_") in sources, name


@pytest.mark.full
def test_the_image_builds_from_what_is_copied(tmp_path: Path) -> None:
    """The build stage's own command, in a folder that has the copied files and nothing else."""
    ignore = shutil.ignore_patterns("tests", "__pycache__")
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=ignore)
        else:
            shutil.copyfile(ROOT / source, tmp_path / source)
    subprocess.run([sys.executable, "build.py", "build", "--torch", "cpu"], cwd=tmp_path, check=True)
    doctor = [tmp_path / ".venv/bin/reelballers", "doctor", "--data", tmp_path / "data"]
    done = subprocess.run(doctor, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(tmp_path / "dist") in done.stdout
