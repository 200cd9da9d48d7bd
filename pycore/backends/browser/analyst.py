"""Where web/worker.js enters Python in the analysis worker."""

import json
from collections.abc import Callable
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import create_proxy  # pyright: ignore[reportMissingImports]

from pycore.backends.browser import ort
from pycore.backends.browser.decoder import BrowserDecoder
from pycore.backends.browser.gpu import BrowserGpu
from pycore.backends.browser.scaler import CanvasScaler
from pycore.detection.analyst import Analyst
from pycore.detection.cpu import CpuDetector
from pycore.detection.gpu import GpuDetector
from pycore.detection.seen import Detector
from pycore.protocol import AnalystTrouble, encode
from pycore.tasks import Tasks

_NET = "models/detector"


class BrowserTools:
    """See `Tools`. A software adapter counts as none: its WebGPU is slower than the CPU provider."""

    def __init__(self, base: str, import_: ort.Import) -> None:
        self._base = base
        self._import = import_
        self._media: Any = None

    async def detector(self) -> Detector:
        adapter = await BrowserGpu(self._base).adapter()
        if adapter is None or adapter.facts.software:
            return await self._on_cpu()
        return await gpu_detector(self._base, self._import, adapter)

    async def _on_cpu(self) -> Detector:
        runtime = await ort.load(self._base, self._import, webgpu=False)
        net = await ort.OrtCpuNet.create(runtime, f"{self._base}{_NET}.onnx")
        return CpuDetector(net, CanvasScaler(), "this computer's CPU")

    async def open(self, file: Any) -> BrowserDecoder:
        if self._media is None:
            self._media = await self._import(f"{self._base}mediabunny/mediabunny.min.mjs")
        return await BrowserDecoder.open(self._media, file)


async def gpu_detector(base: str, import_: ort.Import, adapter: Any) -> GpuDetector:
    """The detector on a device of its own of this adapter, in halves where the adapter can."""
    runtime = await ort.load(base, import_, webgpu=True)
    device = await adapter.device(generous=True)
    half = "shader-f16" in adapter.facts.features
    net = await ort.OrtGpuNet.create(runtime, f"{base}{_NET}{'_f16' if half else ''}.onnx", device)
    return GpuDetector(
        device, net, " ".join(filter(None, (adapter.facts.vendor, adapter.facts.architecture)))
    )


def start(base: str, _api: str, _software: bool, _tier: str) -> Callable[[Any], None]:
    """Starts the analysis worker's application and returns what takes the messages to it. `base`: address
    that dist/ lies under, with its final slash. The others are the preview's."""

    def post(message: dict[str, Any]) -> None:
        js.postMessage(js.JSON.parse(json.dumps(message, allow_nan=False)))

    analyst = Analyst(BrowserTools(base, js.importModule), post)
    tasks = Tasks(lambda problem: post({"event": encode(AnalystTrouble(problem))}))

    def receive(data: Any) -> None:
        frame = getattr(data, "frame", None)
        if frame is not None:
            tasks.start(analyst.frame(frame, int(data.time_us)), "following a player")
            return
        attachments = getattr(data, "attachments", None)
        analyst.handle(
            json.loads(js.JSON.stringify(data.request)),
            attachments.to_py(depth=1) if attachments else {},
        )

    return create_proxy(receive)
