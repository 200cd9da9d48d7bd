"""`build.py bench`: opens bench.html in the Chrome or Chromium of this machine, headless, and prints what it
finds.

The page, and what the browser may do, are those of any user; only where a browser hides its GPU from headless
pages is it told to show it."""

import json
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import quote, urlencode

from deploy.tooling import browser, peers
from deploy.tooling.paths import CACHE, DIST, ROOT, python
from deploy.tooling.ui import BuildError

SILENT_S = 180.0
"""How long the page may say nothing."""

_ALWAYS = (
    "--headless=new",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    *browser.SANDBOX,
)
LINUX_GPU = (
    "--use-angle=vulkan",
    "--enable-features=Vulkan",
    "--disable-vulkan-surface",
    "--ignore-gpu-blocklist",
)
"""On Linux headless Chrome looks for no GPU otherwise. None of these is an unsafe one."""


@dataclass(frozen=True, slots=True)
class Options:
    """`flags`: further ones for the browser. `clip`: a video to play with the preview."""

    sizes: str = ""
    software: bool = False
    peers: bool = False
    clip: Path | None = None
    json: bool = False
    flags: Sequence[str] = ()


def bench(options: Options) -> int:
    """Runs it and prints the table, or JSON. Raises BuildError."""
    if options.clip and not options.clip.is_file():
        raise BuildError(f"There is no file {options.clip} to play.", "Name a video.")
    program = browser.of_system()
    if program is None:
        raise BuildError(
            "There is no Chrome or Chromium here that is new enough.",
            "Install one, or name its program in $REELBALLERS_CHROMIUM.",
        )
    folders = {"": DIST}
    if options.peers:
        folders["peers"] = peers.fetch(CACHE / "peers")
    if options.clip:
        folders["clip"] = options.clip.parent
    report = _visit(program, options, folders)
    if options.json:
        print(json.dumps(report, indent=1))
        return 0
    table = [str(python()), "-m", "pycore.bench.table"]
    return subprocess.run(table, cwd=ROOT, input=json.dumps(report), text=True, check=False).returncode


def _visit(program: Path, options: Options, folders: Mapping[str, Path]) -> dict[str, Any]:
    said: SimpleQueue[tuple[str, str]] = SimpleQueue()
    token = secrets.token_hex(8)
    query = {"auto": "", "report": token}
    if options.sizes:
        query["sizes"] = options.sizes
    if options.software:
        query["adapter"] = "software"
        query.setdefault("sizes", "48x32")
    if options.peers:
        query["peers"] = ""
    if options.clip:
        query |= {"clip": f"./clip/{quote(options.clip.name)}", "plays": "M 16:9,M 9:16"}
    gpu = browser.SOFTWARE_WEBGPU if options.software else LINUX_GPU if sys.platform == "linux" else ()
    with (
        _serving(folders, token, said) as url,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        command = [program, *_ALWAYS, *gpu, *options.flags, f"--user-data-dir={profile}"]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [*command, f"{url}bench.html?{urlencode(query, safe=':,./', quote_via=quote)}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            try:
                return _listen(said, process)
            except BuildError:
                log.seek(0)
                sys.stderr.write(log.read().decode(errors="replace")[-2000:])
                raise
            finally:
                process.kill()
                process.wait()


def _listen(said: "SimpleQueue[tuple[str, str]]", process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """What the page reports in the end; what it says meanwhile is shown."""
    quiet = 0.0
    while True:
        try:
            kind, text = said.get(timeout=1.0)
        except Empty:
            quiet += 1.0
            if process.poll() is not None:
                raise BuildError(f"The browser ended with status {process.returncode}.") from None
            if quiet >= SILENT_S:
                raise BuildError(f"The page said nothing for {SILENT_S:.0f} s.") from None
            continue
        quiet = 0.0
        if kind == "progress":
            print(f"  {text}", file=sys.stderr, flush=True)
            continue
        report = json.loads(text)
        if "failure" in report:
            raise BuildError(
                f"The bench failed: {report['failure']}", "--software shows at least whether everything runs."
            )
        return report


class _Handler(SimpleHTTPRequestHandler):
    """Files of the folders, by the first part of a path; the page's words by POST, if it knows the token."""

    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(
        self, folders: Mapping[str, Path], token: str, said: "SimpleQueue[tuple[str, str]]", *given: Any
    ) -> None:
        self._folders = folders
        self._token = token
        self._said = said
        super().__init__(*given)

    def translate_path(self, path: str) -> str:
        first, _, _ = path.partition("?")[0].lstrip("/").partition("/")
        folder = self._folders.get(first) if first else None
        self.directory = str(folder or self._folders[""])
        return super().translate_path(path.lstrip("/").removeprefix(first) if folder else path)

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def do_POST(self) -> None:
        kind, _, token = self.path.strip("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = kind in ("result", "progress") and secrets.compare_digest(token, self._token)
        if known:
            self._said.put((kind, body.decode()))
        self.send_response(204 if known else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def _serving(folders: Mapping[str, Path], token: str, said: "SimpleQueue[tuple[str, str]]") -> Iterator[str]:
    """The address of the folders on loopback, where browsers allow WebGPU; with its final slash."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, folders, token, said))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
