"""From a local storage into a bucket: what an installation has kept before it was given one."""

from collections.abc import Callable

from pycore.protocol import ReelError
from server.config.s3 import LEAST_PART_BYTES
from server.db.media import MediaTable
from server.storage.base import Storage
from server.storage.local import LocalStorage


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


def move_uploads(source: LocalStorage, target: Storage, table: MediaTable) -> int:
    """Takes uploads that are half-way to `target`, with the parts that have come: whoever sends them goes on
    as if nothing had happened. One in parts that are too small for a bucket begins anew. How many were begun
    in `source`. May be killed and repeated: a copy that nobody noted is left to the bucket's lifecycle
    rule."""
    found = 0
    for record in table.begun():
        try:
            parts = source.list_parts(record.key, record.upload)
        except ReelError:
            continue  # it is in `target` already, or whole
        found += 1
        if record.part_bytes >= LEAST_PART_BYTES or record.bytes <= record.part_bytes:
            upload = target.create_upload(record.key)
            for part in parts:
                chunks = source.get_part(record.key, record.upload, part.number)
                target.put_part(record.key, upload, part.number, chunks, part.bytes)
            table.moved(record.id, upload)
        else:
            table.delete(record.project_id, record.id)
        source.abort_upload(record.key, record.upload)
    return found
