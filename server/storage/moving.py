"""From a local storage into a bucket: what an installation has kept before it was given one."""

from collections.abc import Callable

from server.storage.base import Storage


def move(source: Storage, target: Storage, told: Callable[[str, int], None] = lambda key, size: None) -> int:
    """Copies every object that `target` has not got, and deletes it from `source` once it is there whole; how
    many were moved. May be killed and repeated."""
    moved = 0
    for each in source.objects(""):
        there = target.stat(each.key)
        if there is None or there.bytes != each.bytes:
            told(each.key, each.bytes)
            with source.as_file(each.key) as path:
                there = target.put_file(each.key, path)
        if there.bytes == each.bytes:
            source.delete(each.key)
            moved += 1
    return moved
