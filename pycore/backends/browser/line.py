"""The application's line to the analysis worker: a worker of this worker."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import create_proxy, to_js  # pyright: ignore[reportMissingImports]


class WorkerLine:
    """See AnalystLine."""

    def __init__(
        self,
        base: str,
        software: bool,
        hear: Callable[[dict[str, Any]], None],
        died: Callable[[str], None],
    ) -> None:
        self._hear, self._died = hear, died
        options = to_js({"type": "module", "name": "analyst"}, dict_converter=js.Object.fromEntries)
        self._worker = js.Worker.new(f"{base}worker.js", options)
        self._proxies = [create_proxy(self._receive), create_proxy(self._broke)]
        self._worker.onmessage, self._worker.onerror = self._proxies
        boot = {"entry": "analyst", "base": base, "api": "", "software": software, "tier": ""}
        self._post({"boot": boot})

    def ask(self, request: dict[str, Any], attachments: Mapping[str, Any] | None = None) -> None:
        message = js.JSON.parse(json.dumps({"request": request}, allow_nan=False))
        message.attachments = to_js(dict(attachments or {}), dict_converter=js.Object.fromEntries)
        self._worker.postMessage(message)

    def frame(self, frame: Any, time_us: int) -> None:
        copy = frame.clone()
        message = js.Object.new()
        message.frame, message.time_us = copy, time_us
        self._worker.postMessage(message, js.Array.of(copy))

    def close(self) -> None:
        self._worker.onmessage = self._worker.onerror = None
        self._worker.terminate()
        for proxy in self._proxies:
            proxy.destroy()

    def _post(self, message: dict[str, Any]) -> None:
        self._worker.postMessage(js.JSON.parse(json.dumps(message)))

    def _receive(self, message: Any) -> None:
        event = message.data.event
        kind = event.type
        if kind == "boot-failed":
            self._died(str(event.problem.detail))
        elif kind != "booting":
            # Through JSON, in which null is None; columns of numbers are faster so, too.
            self._hear(json.loads(js.JSON.stringify(event)))

    def _broke(self, event: Any) -> None:
        self._died(str(getattr(event, "message", "") or "the worker gave no reason"))
