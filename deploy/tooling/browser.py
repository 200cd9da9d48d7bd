"""What the tests need of this machine beyond Python: a Chromium, and an adapter for native WebGPU
(lavapipe will do).
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.tooling import system
from deploy.tooling.paths import ROOT, python
from deploy.tooling.ui import say

OLDEST = 128
"""Chromium's first version whose WebGPU does all that the tests ask for."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
SOFTWARE_WEBGPU = (
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
    "--use-angle=swiftshader",
    "--use-webgpu-adapter=swiftshader",
    "--ignore-gpu-blocklist",
)
"""Flags that give Chromium a WebGPU adapter and a working WebGPU canvas without a GPU."""

SANDBOX = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
"""Chromium as root starts only without its sandbox."""

LAVAPIPE = ["libvulkan1", "mesa-vulkan-drivers"]


def chromium() -> Path | None:
    """A Chromium that runs: $REELBALLERS_CHROMIUM, the system's, else Playwright's own, else Debian's package
    when root.

    None, with a line that says what to do, when there is none to be had.
    """
    if found := of_system() or _of_playwright():
        return found
    if system.apt_install(["chromium"], "the tests drive it") and (found := of_system()):
        return found
    line = f" or: {system.apt_line(['chromium'])}" if system.have_apt() else ""
    say(f"No Chromium here. Run: .venv/bin/playwright install --with-deps chromium{line}")
    return None


def of_system() -> Path | None:
    """$REELBALLERS_CHROMIUM, or the Chrome or Chromium that is installed."""
    named = os.environ.get("REELBALLERS_CHROMIUM")
    candidates = [named] if named else [*map(shutil.which, NAMES), *MAC]
    return next((Path(path) for path in candidates if path and usable(Path(path))), None)


def _of_playwright() -> Path | None:
    path = _playwright_path()
    if usable(path):
        return path
    say("Installing Playwright's Chromium")
    env = {**os.environ, "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"}
    done = subprocess.run(
        [python(), "-m", "playwright", "install", "chromium"],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reasons = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]
        say(
            "  passing over Playwright's Chromium: "
            + (reasons[0].strip() if reasons else "its installer failed")
        )
        return None
    if not usable(path):
        say("  passing over Playwright's Chromium: it does not start here (system libraries are missing)")
        return None
    return path


def _playwright_path() -> Path:
    code = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
    )
    done = subprocess.run(
        [python(), "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def usable(path: Path) -> bool:
    """Whether the program starts and is new enough."""
    try:
        done = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.search(r"\b(\d+)\.\d+\.\d+", done.stdout)
    return done.returncode == 0 and found is not None and int(found[1]) >= OLDEST


def native_adapter() -> str | None:
    """The name of the adapter that wgpu finds here, with lavapipe installed first when we may; None when
    there is none.
    """
    if found := _adapter():
        return found
    if system.apt_install(LAVAPIPE, "a software GPU for the shader tests") and (found := _adapter()):
        return found
    say("No native WebGPU adapter here: neither a GPU's Vulkan or Metal driver nor Mesa's lavapipe.")
    if system.have_apt():
        say(f"  Run: {system.apt_line(LAVAPIPE)}")
    return None


def _adapter() -> str | None:
    code = "import wgpu; print(wgpu.gpu.request_adapter_sync().info['device'])"
    done = subprocess.run(
        [python(), "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return done.stdout.strip() or None if done.returncode == 0 else None
