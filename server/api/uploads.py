"""Uploads in parts: planned, taken up again after a killed tab, completed and probed."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pycore.protocol import MediaInfo, Part, ReelError, UploadPlan, UploadRequest
from server.config import MIB, Config
from server.db.database import Database
from server.db.media import MediaRecord, MediaTable, new_media_id
from server.db.trash import empty_trash
from server.storage.base import Storage, StoredObject
from server.storage.keys import media_key
from server.video.magic import HEAD_BYTES, begins_as_media

MOST_PARTS = 1000
"""A plan with more would be a big document; parts grow instead."""

Probe = Callable[[Path, str], MediaInfo]
"""(file, name) -> what it is; ReelError where it is neither usable video nor sound."""


class Uploads:
    """The way of a file into a project. `clock` gives Unix seconds."""

    def __init__(
        self,
        config: Config,
        database: Database,
        table: MediaTable,
        storage: Storage,
        probe: Probe,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._database = database
        self._table = table
        self._storage = storage
        self._probe = probe
        self._clock = clock
        self._completing: dict[str, threading.Lock] = {}

    def plan(self, project_id: str, request: UploadRequest) -> UploadPlan:
        """The upload of that content to that project: the one begun before, or a new one."""
        self._check(request)
        record = self._table.find(project_id, request.fingerprint, request.bytes)
        if record is None:
            self._check_quota(project_id, request.bytes)
            self._check_room(request.bytes)
            media_id = new_media_id()
            key = media_key(project_id, media_id, request.name)
            upload = self._storage.create_upload(key)
            part_bytes = self._config.part_bytes
            if request.bytes > part_bytes * MOST_PARTS:
                part_bytes = -(-request.bytes // (MOST_PARTS * MIB)) * MIB
            record = self._table.add(project_id, media_id, request, part_bytes, upload)
            if record.id != media_id:
                self._storage.abort_upload(key, upload)
        return self._plan(record)

    def present_plan(self, project_id: str, media_id: str) -> UploadPlan:
        """The plan of an upload begun, with fresh URLs for what is missing."""
        return self._plan(self._table.get(project_id, media_id))

    def complete(self, project_id: str, media_id: str) -> MediaInfo:
        """Joins the parts and probes the file. Repeating it is harmless. ReelError `storage.parts-missing`
        names what is missing; the probe's ReelError where it is no usable media, and then the upload is
        deleted."""
        with self._one_at_a_time(media_id):
            record = self._table.get(project_id, media_id)
            if record.info is not None:
                return record.info
            stored = self._storage.stat(record.key)
            if stored is None:
                stored = self._storage.complete_upload(record.key, record.upload, len(_cut(record)))
            try:
                info = self._checked(record, stored)
            except ReelError:
                self.delete(project_id, media_id)
                raise
            info = MediaInfo(
                media_id,
                record.name,
                record.bytes,
                info.size,
                info.duration_us,
                info.fps,
                info.codec,
                info.has_audio,
                info.rotation,
                info.frames,
            )
            self._table.complete(project_id, media_id, info)
            return info

    def _checked(self, record: MediaRecord, stored: StoredObject) -> MediaInfo:
        """What the probe says of the whole file. What does not even begin as one is refused by its first
        bytes, so that it need not be fetched from a bucket."""
        if stored.bytes != record.bytes:
            raise ReelError.of(
                "media.wrong-length",
                "The file arrived incomplete",
                f"It should have {record.bytes} bytes; {stored.bytes} are stored.",
                "Upload it again.",
                422,
            )
        head = b"".join(self._storage.get(record.key, 0, HEAD_BYTES))
        if not begins_as_media(head):
            with TemporaryDirectory(dir=self._config.tmp) as folder:
                path = Path(folder) / record.key.rpartition("/")[2]
                path.write_bytes(head)
                self._probe(path, record.name)
        with self._storage.as_file(record.key) as path:
            return self._probe(path, record.name)

    def delete(self, project_id: str, media_id: str) -> None:
        """Deletes the file, begun or complete, with its jobs. ReelError `media.busy` while a job needs it."""
        self._table.delete(project_id, media_id)
        empty_trash(self._database, self._storage)

    def _plan(self, record: MediaRecord) -> UploadPlan:
        expires_at = int(self._clock()) + self._config.url_seconds
        if record.info is not None or self._storage.stat(record.key) is not None:
            done = {number for number, _, _ in _cut(record)}
        else:
            done = {part.number for part in self._storage.list_parts(record.key, record.upload)}

        def part(number: int, offset: int, length: int) -> Part:
            if number in done:
                return Part(number, offset, length, True)
            url = self._storage.url_to_put_part(record.key, record.upload, number, length, expires_at)
            return Part(number, offset, length, False, url)

        parts = [part(*cut) for cut in _cut(record)]
        return UploadPlan(record.id, record.part_bytes, parts, expires_at, record.info)

    def _check(self, request: UploadRequest) -> None:
        if request.bytes < 1:
            raise _invalid("body.bytes", "The file is empty.", "Choose a file with something in it.")
        if request.bytes > self._config.max_upload_bytes:
            raise ReelError.of(
                "media.too-large",
                "The file is too large for this server",
                f"It has {request.bytes} bytes; {self._config.max_upload_bytes} are allowed.",
                "Cut the part that you need out of it, or raise REELBALLERS_MAX_UPLOAD_BYTES.",
                413,
            )
        fingerprint = request.fingerprint
        if not 8 <= len(fingerprint) <= 128 or set(fingerprint) - set("0123456789abcdef"):
            raise _invalid("body.fingerprint", "It must be 8 to 128 hexadecimal digits.", "Use lower case.")
        if not 1 <= len(request.name) <= 255:
            raise _invalid("body.name", "It must have 1 to 255 characters.", "Shorten the file's name.")

    def _check_quota(self, project_id: str, length: int) -> None:
        quota = self._config.quota_bytes
        if not quota:
            return
        used = self._table.used_bytes(project_id)
        if used + length > quota:
            raise ReelError.of(
                "media.quota",
                "Your storage on this server is used up",
                f"{used} of {quota} bytes are used; this file has {length}.",
                "Delete projects that you no longer need, or ask who runs the server for more.",
                507,
            )

    def _check_room(self, length: int) -> None:
        if self._config.s3 is not None:
            return  # the parts go to the bucket
        free = shutil.disk_usage(self._config.data).free
        if free < 2 * length:  # parts and whole lie side by side for a moment
            raise ReelError.of(
                "storage.full",
                "The server's disk has no room for this file",
                f"{2 * length} bytes are needed for a moment; {free} are free.",
                "Free some space on the server, or delete old projects.",
                507,
            )

    @contextmanager
    def _one_at_a_time(self, media_id: str) -> Iterator[None]:
        lock = self._completing.setdefault(media_id, threading.Lock())
        with lock:
            yield
        self._completing.pop(media_id, None)


def _cut(record: MediaRecord) -> list[tuple[int, int, int]]:
    """(number, offset, bytes) of each part."""
    starts = range(0, record.bytes, record.part_bytes)
    return [
        (number, start, min(record.part_bytes, record.bytes - start))
        for number, start in enumerate(starts, 1)
    ]


def _invalid(field: str, what: str, hint: str) -> ReelError:
    return ReelError.of("request.invalid", "The request does not fit", f"{field}: {what}", hint, 422)
