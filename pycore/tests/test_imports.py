"""What the preview worker loads while it boots."""

import subprocess
import sys
from pathlib import Path


def test_the_preview_worker_loads_no_numpy() -> None:
    """It takes seconds to load in the browser, and no frame needs it."""
    script = "import sys, pycore.app; print(sorted({'numpy', 'pydantic', 'httpx'} & sys.modules.keys()))"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
