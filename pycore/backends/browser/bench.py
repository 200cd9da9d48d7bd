"""Where web/worker.js enters Python for bench.html: runs the bench when the page asks, and tells how it
goes."""

import json
from collections.abc import Callable
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import create_proxy  # pyright: ignore[reportMissingImports]

from pycore import bench
from pycore.backends.browser.gpu import BrowserGpu
from pycore.backends.browser.host import BrowserHost
from pycore.protocol import (
    BenchDone,
    BenchEvent,
    BenchFailed,
    Problem,
    ReelError,
    RunBench,
    Size,
    decode,
    encode,
)
from pycore.tasks import Tasks


def start(base: str, _api: str, _software: bool, _tier: str) -> Callable[[Any], None]:
    """Returns what takes the page's message: {command: RunBench, canvas: OffscreenCanvas}. `base`: address
    that dist/ lies under, with its final slash."""
    host = BrowserHost()

    def tell(event: BenchEvent) -> None:
        host.post({"event": encode(event)})

    def failed(problem: Problem) -> None:
        tell(BenchFailed(problem))

    tasks = Tasks(failed)

    async def run(asked: RunBench, canvas: Any) -> None:
        adapter = await BrowserGpu(base).adapter(software=asked.software)
        if adapter is None or (adapter.facts.software and not asked.software):
            raise ReelError.of(
                "bench.no-gpu",
                "There is no GPU to measure",
                "The browser offers no GPU for WebGPU, or computes it on the CPU.",
                "Turn on hardware acceleration in the browser's settings; chrome://gpu says what is off.",
            )
        device = await adapter.device()
        scale = bench.Scale.smoke() if adapter.facts.software else bench.Scale()
        report = await bench.run(device, asked.sizes, scale, tell, canvas, _blank)
        device.destroy()
        tell(BenchDone(report))

    def receive(data: Any) -> None:
        asked = decode(RunBench, json.loads(js.JSON.stringify(data.command)))
        tasks.start(run(asked, data.canvas), "measuring the GPU")

    return create_proxy(receive)


def _blank(size: Size) -> Any:
    """A VideoFrame of that size."""
    canvas = js.OffscreenCanvas.new(size.width, size.height)
    canvas.getContext("2d").fillRect(0, 0, size.width, size.height)
    return js.VideoFrame.new(canvas, timestamp=0)
