"""Where web/worker.js enters Python: builds the application and hands every message of the page to it."""

import json
from collections.abc import Callable
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import create_proxy  # pyright: ignore[reportMissingImports]

from pycore.app import App, Options
from pycore.backends.browser.gpu import BrowserGpu
from pycore.backends.browser.host import BrowserHost
from pycore.backends.browser.reels import BrowserReels
from pycore.protocol import Notice, Tier, encode
from pycore.tasks import Tasks


def start(base: str, api: str, software: bool, tier: str) -> Callable[[Any], None]:
    """Starts the application and returns what takes the page's messages (`event.data` of each).

    `base`: address that dist/ lies under, with its final slash. `api`: where the server's API lives.
    `software`: take a software GPU adapter too. `tier`: the name of one to draw with unmeasured; any other
    text: the GPU's speed decides.
    """
    host = BrowserHost(base, software)
    forced = next((each for each in Tier if each.lower() == tier.lower()), None)
    app = App(host, BrowserGpu(base), Options(api, software, forced), BrowserReels(base))
    tasks = Tasks(lambda problem: host.post({"event": encode(Notice(problem))}))

    async def command(data: Any) -> None:
        host.post(await app.handle(_envelope(data)))

    def receive(data: Any) -> None:
        frame = getattr(data, "frame", None)
        if frame is not None:
            tasks.start(app.frame(frame, int(data.time_us)), "drawing a frame")
        else:
            tasks.start(command(data), "running a command")

    app.start()
    return create_proxy(receive)


def _envelope(data: Any) -> dict[str, Any]:
    """A command's message: through JSON, in which null is None, but for what JSON cannot carry."""
    attachments = getattr(data, "attachments", None)
    command = js.JSON.stringify(getattr(data, "command", None))
    return {
        "id": data.id,
        "command": json.loads(command) if command else None,
        "attachments": attachments.to_py(depth=1) if attachments else {},
    }
