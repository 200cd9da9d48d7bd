"""Runs inside the worker's Python: see ../test_detector_chromium.py. Arguments and answers are JSON."""

import json
import traceback
from typing import Any

import detector_contract as contract  # pyright: ignore[reportMissingImports]
import js  # pyright: ignore[reportMissingImports]
import numpy as np
from pyodide.ffi import to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import ort
from pycore.backends.browser.gpu import BrowserGpu
from pycore.backends.browser.scaler import CanvasScaler
from pycore.backends.gpu import Device
from pycore.detection.cpu import CpuDetector
from pycore.detection.gpu import GpuDetector
from pycore.detection.seen import Detector
from pycore.detection.view import Turn, whole
from pycore.protocol import Size

BASE = f"{js.location.origin}/"


async def device(generous: bool = False) -> Device:
    adapter = await BrowserGpu(BASE).adapter(software=True)
    assert adapter is not None
    return await adapter.device(generous=generous)


def video_frame(pixels: np.ndarray) -> Any:
    """A VideoFrame of RGBA pixels (H, W, 4)."""
    height, width, _ = pixels.shape
    init = to_js(
        {"format": "RGBA", "codedWidth": width, "codedHeight": height, "timestamp": 0},
        dict_converter=js.Object.fromEntries,
    )
    return js.VideoFrame.new(to_js(pixels.tobytes()), init)


async def keeps_contract(_: str) -> str:
    """{term: "" or the traceback of its failure}, each on a device of its own."""
    outcome = {}
    for term in contract.CONTRACT:
        try:
            await term(await device(), video_frame)
            outcome[term.__name__] = ""
        except Exception:  # noqa: BLE001 -- the test prints it
            outcome[term.__name__] = traceback.format_exc()
    return json.dumps(outcome)


async def both(net: str) -> str:
    """What the detector with that net sees in one picture on the GPU and on the CPU."""
    url = f"{BASE}{json.loads(net)}"
    on = await device(generous=True)
    gpu_runtime = await ort.load(BASE, js.importModule, webgpu=True)
    on_gpu = GpuDetector(on, await ort.OrtGpuNet.create(gpu_runtime, url, on))
    cpu_runtime = await ort.load(BASE, js.importModule, webgpu=False)
    on_cpu = CpuDetector(await ort.OrtCpuNet.create(cpu_runtime, url), CanvasScaler())
    return json.dumps({"gpu": await _seen(on_gpu), "cpu": await _seen(on_cpu)})


async def _seen(detector: Detector) -> dict[str, Any]:
    size = Size(60, 40)
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = (40, 120, 40), 255
    pixels[8:28, 30:40, :3] = (230, 20, 20)
    frame = video_frame(pixels)
    answer = await detector.show(frame, whole(size, 64), size, Turn(size))
    frame.close()
    seen = await answer.seen()
    assert seen.people.features is not None
    return {
        "boxes": seen.people.boxes.tolist(),
        "scores": seen.people.scores.tolist(),
        "kits": seen.people.features.tolist(),
        "glimpse": seen.glimpse.tolist(),
    }
