"""What the bench says where the peer does not load."""

import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from server.gpu import bench_peer

SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    assert bench_peer.seconds_per_frame(np.zeros((4, 4, 3), np.uint8)) is None
    return capsys.readouterr().out


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package as it lies in its wheel, without the native part."""
    folder = tmp_path / bench_peer.PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text("from . import realesrgan_ncnn_vulkan_wrapper\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, bench_peer.PACKAGE, raising=False)
    return folder


def test_the_wheel_of_another_python(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "realesrgan_ncnn_vulkan_wrapper.cpython-36m-x86_64-linux-gnu.so").touch()
    told = said(capsys)
    assert f"for Python {sys.version_info.major}.{sys.version_info.minor} is missing" in told
    assert "cpython-36m" in told


def test_a_native_part_that_does_not_load(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / f"realesrgan_ncnn_vulkan_wrapper{SUFFIX}").write_bytes(b"no library")
    told = said(capsys)
    assert "does not load" in told
    assert "libvulkan1" in told


MODULE = """import os, sys
class Realesrgan:
    def __init__(self, **_):
        {}
    def process_pil(self, image):
        return image
"""


@pytest.mark.parametrize(
    ("beginning", "wanted"),
    [
        ("pass", ""),
        ("sys.exit('vkCreateInstance failed')", "vkCreateInstance failed"),
        ("os.abort()", "it ended with -6"),
    ],
    ids=["works", "no driver", "crashes"],
)
def test_it_is_measured_in_a_process_of_its_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    beginning: str,
    wanted: str,
) -> None:
    (tmp_path / f"{bench_peer.PACKAGE}.py").write_text(MODULE.format(beginning))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, bench_peer.PACKAGE, raising=False)
    took = bench_peer.seconds_per_frame(np.zeros((4, 6, 3), np.uint8))
    told = capsys.readouterr().out
    assert (took is None) is bool(wanted)
    assert wanted in told
    assert ("vulkaninfo" in told) is bool(wanted)
