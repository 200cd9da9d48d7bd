"""Cloudflare's own tool, as deploy/cloudflare/package-lock.json pins it; it serves the page as Cloudflare
would (with workerd)."""

import os
import shutil
from pathlib import Path

from deploy.tooling import node
from deploy.tooling.paths import CACHE, ROOT
from deploy.tooling.stamps import digest

PACKAGE = ROOT / "deploy" / "cloudflare"


def installed() -> Path:
    """The folder with node_modules, installed when that is not yet done. Raises BuildError."""
    files = [PACKAGE / "package.json", PACKAGE / "package-lock.json"]
    folder = CACHE / "wrangler" / digest([*files])[:16]
    if not (folder / "done").exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(file, folder / file.name)
        node.npm(folder, "ci", "--no-audit", "--no-fund")
        (folder / "done").touch()
    return folder


def dev_command(site: Path, port: int) -> list[str | Path]:
    """What serves the site on this machine."""
    script = installed() / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    config = ["--config", PACKAGE / "wrangler.jsonc", "--assets", site]
    return [node.executable(), script, "dev", *config, "--ip", "127.0.0.1", "--port", str(port), "--local"]


def environ(home: Path) -> dict[str, str]:
    """For that command: nothing is asked, reported or written outside of `home`."""
    return {
        **os.environ,
        "PATH": f"{node.executable().parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "CI": "1",
        "WRANGLER_SEND_METRICS": "false",
        "WRANGLER_SEND_ERROR_REPORTS": "false",
    }
