"""pip, quiet while all is well: a bar per download, and its whole output when it fails."""

import os
import re
import subprocess
from pathlib import Path

from deploy.tooling.paths import python
from deploy.tooling.ui import BuildError, Progress

_PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")
_DOWNLOADING = re.compile(r"^\s*Downloading (\S+)")


class PipError(BuildError):
    """pip failed; `output` is all that it said."""

    def __init__(self, what: str, output: str) -> None:
        super().__init__(
            f"{what} failed:\n{output.rstrip()}",
            "Check the network connection and the lines above, then run this again.",
        )
        self.output = output


def pip(what: str, *args: str | Path, cwd: Path | None = None, raw_progress: bool = True) -> None:
    """Runs the virtual environment's pip. `what` names the step in errors. Raises PipError.

    `raw_progress=False` is for the pip that came with the interpreter, which may be too old to report
    progress by line.
    """
    env = {**os.environ, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}
    env["PIP_ROOT_USER_ACTION"] = "ignore"
    command = [str(python()), "-m", "pip", *map(str, args)]
    if raw_progress:
        command += ["--progress-bar", "raw"]
    output: list[str] = []
    shown: Progress | None = None
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                if (found := _PROGRESS.match(line)) and shown:
                    shown.to(int(found[1]), int(found[2]))
                    continue
                output.append(line)
                if found := _DOWNLOADING.match(line):
                    if shown:
                        shown.close()
                    shown = Progress(found[1].rsplit("/", 1)[-1], None)
        except BaseException:
            process.terminate()
            raise
        finally:
            if shown:
                shown.close()
    if process.returncode:
        raise PipError(what, "".join(output))
