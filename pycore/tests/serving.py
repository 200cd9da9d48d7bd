"""Folders over http on loopback, where browsers allow WebGPU."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, folders: Mapping[str, Path], *args: Any) -> None:
        self._folders = folders
        super().__init__(*args)

    def translate_path(self, path: str) -> str:
        first, _, rest = path.partition("?")[0].lstrip("/").partition("/")
        if first in self._folders:
            return str(self._folders[first] / rest)
        return str(self._folders[""] / first / rest)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: pytest's output is the report."""


@contextmanager
def served(root: Path, **folders: Path) -> Iterator[str]:
    """The address (with its final slash) of `root`, and of each further folder under its name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, {"": root, **folders}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
