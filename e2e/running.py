"""Starts what the tests and the picture script need: API, worker and Chromium."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from deploy.tooling.browser import SANDBOX, chromium
from deploy.tooling.paths import DIST
from server.tests.processes import start_api, start_worker

BOOT_MS = 180_000
"""Python's boot in a browser on two busy cores; a limit against hanging, not a bar."""

INSECURE_HOST = "insecure.test"
"""A name that the browser finds on this machine, and holds for another one: an insecure context over http."""

_ALWAYS = (
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


@dataclass(frozen=True)
class Server:
    """A running API and worker on a data directory of their own."""

    url: str
    data: Path


def launch(playwright: Playwright, flags: Sequence[str]) -> Browser:
    """The Chromium that `build.py test` would take, with `flags`."""
    executable = chromium()
    assert executable, "no Chromium here; `python3 build.py test` says what to do"
    return playwright.chromium.launch(executable_path=executable, args=[*_ALWAYS, *SANDBOX, *flags])


@contextmanager
def serving(data: Path) -> Iterator[Server]:
    """API and worker, as `build.py run` starts them, ready to take jobs; ended afterwards. Their logs lie
    beside `data`."""
    api, url = start_api(data, "--dist", DIST, "--allowed-host", INSECURE_HOST)
    try:
        worker = start_worker(data)
        try:
            yield Server(url, data)
        finally:
            assert worker.end() == 0, worker.said()
    finally:
        assert api.end() == 0, api.said()
