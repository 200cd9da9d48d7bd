"""Copies of a bucket's objects on this machine, shared by its processes.

A copy is named by key and ETag, so it is never stale. It is locked (flock) while somebody makes or reads it,
and the system releases the lock however a process ends; what nobody reads goes once the copies together are
too large, or when it was not asked for during KEPT_SECONDS.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

KEPT_SECONDS = 24 * 3600.0


class FileCache:
    """Copies below `root`, together at most about `most_bytes` (the one in use may be larger)."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root
        self._most_bytes = most_bytes
        self.sweep()

    @contextlib.contextmanager
    def file(self, key: str, etag: str, fetch: Callable[[Path], None]) -> Iterator[Path]:
        """The object as a file of its own name, for as long as the context lasts; `fetch(path)` is called
        where there is no copy yet."""
        stem = hashlib.sha256(f"{key}\n{etag}".encode()).hexdigest()[:32]
        folder = self._root / stem
        path = folder / key.rpartition("/")[2]
        with self._locked(stem, fcntl.LOCK_EX) as lock:
            if not path.exists():
                folder.mkdir(exist_ok=True, mode=0o700)
                fresh = folder / f".{secrets.token_hex(8)}"
                try:
                    fetch(fresh)
                    fresh.replace(path)
                finally:
                    fresh.unlink(missing_ok=True)
            fcntl.flock(lock, fcntl.LOCK_SH)
            os.utime(self._lock_path(stem))
            self.sweep()
            yield path

    def sweep(self) -> None:
        """Removes copies that nobody reads: the ones not asked for in a long while, and the oldest while
        there is too much."""
        kept = sorted(self._root.glob("*.lock"), key=_age, reverse=True)
        sizes = {each.stem: _bytes(each.with_suffix("")) for each in kept}
        total = sum(sizes.values())
        for each in kept:
            if total > self._most_bytes or _age(each) > KEPT_SECONDS:
                total -= sizes[each.stem] if self._remove(each.stem) else 0

    def _remove(self, stem: str) -> bool:
        with contextlib.suppress(BlockingIOError), self._locked(stem, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(self._root / stem, ignore_errors=True)
            self._lock_path(stem).unlink(missing_ok=True)
            return True
        return False

    @contextlib.contextmanager
    def _locked(self, stem: str, how: int) -> Iterator[int]:
        while True:
            descriptor = os.open(self._lock_path(stem), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, how)
                if self._is_current(stem, descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)  # which releases the lock

    def _is_current(self, stem: str, descriptor: int) -> bool:
        """False where a sweep removed the lock's file between opening and locking it."""
        try:
            return os.path.samestat(os.stat(self._lock_path(stem)), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _lock_path(self, stem: str) -> Path:
        return self._root / f"{stem}.lock"


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bytes(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0
