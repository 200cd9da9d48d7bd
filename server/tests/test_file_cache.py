"""Copies of a bucket's objects: made once, never stale, never too many, never taken from under a reader."""

import os
import threading
import time
from pathlib import Path

import pytest

from server.storage.cache import KEPT_SECONDS, FileCache


class Source:
    """Counts what was fetched."""

    def __init__(self, content: bytes = b"content") -> None:
        self.content = content
        self.fetched = 0

    def __call__(self, path: Path) -> None:
        self.fetched += 1
        path.write_bytes(self.content)


def test_a_copy_is_made_once_under_the_objects_name(tmp_path: Path) -> None:
    cache, source = FileCache(tmp_path / "cache", 100), Source()
    for _ in range(2):
        with cache.file("a/clip.mp4", "1", source) as path:
            assert (path.name, path.read_bytes()) == ("clip.mp4", b"content")
    assert source.fetched == 1


def test_a_changed_object_is_fetched_anew(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", 100)
    with cache.file("a", "1", Source(b"old")), cache.file("a", "2", Source(b"new")) as path:
        assert path.read_bytes() == b"new"


def test_the_oldest_copies_go_when_there_is_too_much(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", 12)
    first, second = Source(b"x" * 10), Source(b"y" * 10)
    with cache.file("a", "1", first):
        pass
    with cache.file("b", "1", second):
        pass
    with cache.file("b", "1", second):
        pass
    with cache.file("a", "1", first):
        pass
    assert (first.fetched, second.fetched) == (2, 1)


def test_what_is_read_is_not_taken_away(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", 1)
    with cache.file("a", "1", Source(b"x" * 10)) as first:
        with cache.file("b", "1", Source(b"y" * 10)) as second:
            FileCache(tmp_path / "cache", 1)  # another process starts and sweeps
            assert first.read_bytes() == b"x" * 10
            assert second.read_bytes() == b"y" * 10
    cache.sweep()
    assert list((tmp_path / "cache").iterdir()) == []


def test_old_copies_go(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", 100)
    with cache.file("a", "1", Source()):
        pass
    (lock,) = (tmp_path / "cache").glob("*.lock")
    old = time.time() - KEPT_SECONDS - 1
    os.utime(lock, (old, old))
    cache.sweep()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_fetch_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", 100)

    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise ConnectionError

    with pytest.raises(ConnectionError), cache.file("a", "1", broken):
        pass
    with cache.file("a", "1", Source()) as path:
        assert path.read_bytes() == b"content"


def test_who_comes_while_it_is_fetched_waits_for_it(tmp_path: Path) -> None:
    source, started = Source(), threading.Event()

    def slow(path: Path) -> None:
        started.set()
        threading.Event().wait(0.05)
        source(path)

    def read() -> None:
        with FileCache(tmp_path / "cache", 100).file("a", "1", slow) as path:
            assert path.read_bytes() == b"content"

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.fetched == 1
