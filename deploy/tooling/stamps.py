"""What was done already: a step is skipped when the hash of everything that it depends on is the one it
left behind.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(parts: Iterable[str | Path]) -> str:
    """One hash over strings and files (a file counts with its path's last name and its content), in the
    order given.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            total.update(f"file {part.name} {file_sha256(part)}\n".encode())
        else:
            total.update(f"text {part}\n".encode())
    return total.hexdigest()


def write_atomically(path: Path, data: bytes | str) -> None:
    """`path` has its old content or all of the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data.encode() if isinstance(data, str) else data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


class Stamps:
    """A small JSON file of {step: what it was done for}. A damaged or missing file means that nothing was
    done.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[str, Any] = {}
        with suppress(FileNotFoundError, json.JSONDecodeError):
            self._done = json.loads(path.read_text())

    def get(self, step: str) -> Any:
        return self._done.get(step)

    def set(self, step: str, value: Any) -> None:
        self._done[step] = value
        write_atomically(self._path, json.dumps(self._done, indent=1))

    def drop(self, step: str) -> None:
        """Before a step begins: should it be interrupted, it counts as not done."""
        if self._done.pop(step, None) is not None:
            write_atomically(self._path, json.dumps(self._done, indent=1))
