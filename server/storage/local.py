"""A storage in a local directory: objects as files, URLs signed by this server and served by its own
routes."""

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pycore.protocol import ReelError
from server.storage.base import (
    StoredObject,
    StoredPart,
    check_key,
    check_part_number,
    content_type,
    not_found,
    part_length,
    parts_missing,
)
from server.storage.signing import UrlSigner

CHUNK = 1024 * 1024
_UPLOAD = re.compile(r"[0-9a-f]{32}")


class LocalStorage:
    """Storage below `root`: `objects/<key>`, `uploads/<id>/<number>`, and `tmp` for what is not whole yet."""

    def __init__(self, root: Path, signer: UrlSigner) -> None:
        self.signer = signer
        self._objects = root / "objects"
        self._uploads = root / "uploads"
        self._tmp = root / "tmp"
        for directory in (self._objects, self._uploads, self._tmp):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()

    # Objects

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        target = self._object(key)
        with self._fresh() as fresh:
            with fresh.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            _commit(fresh, target)
        return self._found(key)

    def put_once(self, key: str, chunks: Iterable[bytes]) -> bool:
        target = self._object(key)
        with self._fresh() as fresh:
            with fresh.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            return _commit(fresh, target, once=True)

    def put_file(self, key: str, path: Path) -> StoredObject:
        target = self._object(key)
        with self._fresh() as fresh:
            shutil.copyfile(path, fresh)
            _commit(fresh, target)
        return self._found(key)

    def get(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        self._found(key)
        return _read(self._object(key), start, stop)

    def stat(self, key: str) -> StoredObject | None:
        try:
            facts = self._object(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not self._object(key).is_file():
            return None
        return StoredObject(key, facts.st_size, f"{facts.st_mtime_ns:x}-{facts.st_size:x}", facts.st_mtime)

    def objects(self, prefix: str) -> list[StoredObject]:
        folder = self._object(prefix) if prefix else self._objects
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found = [self.stat(path.relative_to(self._objects).as_posix()) for path in files]
        return [each for each in found if each is not None]

    def delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._object(key).unlink()
        self._prune(self._object(key).parent)

    def delete_folder(self, prefix: str) -> None:
        folder = self._object(prefix)
        if folder.is_dir():
            shutil.rmtree(folder)
        self._prune(folder.parent)
        for upload in self._uploads.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if (upload / "key").read_text().startswith(prefix + "/"):
                    shutil.rmtree(upload)

    @contextlib.contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        if self.stat(key) is None:
            raise not_found(key)
        yield self._object(key)

    # Uploads in parts

    def create_upload(self, key: str) -> str:
        check_key(key)
        upload = secrets.token_hex(16)
        folder = self._uploads / upload
        folder.mkdir(mode=0o700)
        with self._fresh() as fresh:
            fresh.write_text(key)
            _commit(fresh, folder / "key")
        return upload

    def put_part(
        self, key: str, upload: str, number: int, chunks: Iterable[bytes], length: int
    ) -> StoredPart:
        folder = self._upload(key, upload)
        check_part_number(number)
        with self._fresh() as fresh:
            got = 0
            with fresh.open("wb") as file:
                for chunk in chunks:
                    got += len(chunk)
                    if got > length:
                        break
                    file.write(chunk)
            if got != length:
                raise part_length(number, length, None if got > length else got)
            _commit(fresh, folder / f"{number:05d}.part")
        return StoredPart(number, length)

    def list_parts(self, key: str, upload: str) -> list[StoredPart]:
        files = sorted(self._upload(key, upload).glob("*.part"))
        return [StoredPart(int(file.stem), file.stat().st_size) for file in files]

    def get_part(self, key: str, upload: str, number: int) -> Iterator[bytes]:
        """A stored part, in chunks: no bucket gives its parts back, but this storage's may move to one."""
        return _read(self._upload(key, upload) / f"{check_part_number(number):05d}.part", 0, None)

    def complete_upload(self, key: str, upload: str, parts: int) -> StoredObject:
        folder = self._upload(key, upload)
        there = {part.number for part in self.list_parts(key, upload)}
        missing = [number for number in range(1, parts + 1) if number not in there]
        if missing or not parts:
            raise parts_missing(missing, parts)
        with self._fresh() as fresh:
            with fresh.open("wb") as whole:
                for number in range(1, parts + 1):
                    with (folder / f"{number:05d}.part").open("rb") as part:
                        shutil.copyfileobj(part, whole, CHUNK)
            _commit(fresh, self._object(key))
        shutil.rmtree(folder)
        return self._found(key)

    def abort_upload(self, key: str, upload: str) -> None:
        with contextlib.suppress(ReelError):
            shutil.rmtree(self._upload(key, upload))

    # URLs

    def url_to_put_part(self, key: str, upload: str, number: int, length: int, expires_at: int) -> str:
        parameters = {"upload": upload, "part": str(check_part_number(number)), "bytes": str(length)}
        return self.signer.sign("PUT", check_key(key), expires_at, parameters)

    def url_to_put(self, key: str, expires_at: int, *, once: bool = False) -> str:
        parameters = {"type": content_type(key), **({"once": "1"} if once else {})}
        return self.signer.sign("PUT", check_key(key), expires_at, parameters)

    def url_to_get(self, key: str, filename: str, expires_at: int) -> str:
        return self.signer.sign("GET", check_key(key), expires_at, {"filename": filename})

    # Below

    def _object(self, key: str) -> Path:
        return self._objects / check_key(key)

    def _upload(self, key: str, upload: str) -> Path:
        folder = self._uploads / upload
        if (
            not _UPLOAD.fullmatch(upload)
            or not (folder / "key").is_file()
            or (folder / "key").read_text() != key
        ):
            raise not_found(f"The upload to {check_key(key)}")
        return folder

    def _found(self, key: str) -> StoredObject:
        found = self.stat(key)
        if found is None:
            raise not_found(key)
        return found

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[Path]:
        """A name in `tmp`, gone afterwards whatever happens."""
        path = self._tmp / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Removes what a killed process left half-written. Old files only: another process may be writing
        now."""
        for path in self._tmp.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - 86400:
                    path.unlink()

    def _prune(self, folder: Path) -> None:
        """Removes empty folders from `folder` upwards."""
        while folder != self._objects and folder.is_relative_to(self._objects):
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass  # gone already: go on above it
            except OSError:
                return  # not empty
            folder = folder.parent


def _commit(fresh: Path, target: Path, *, once: bool = False) -> bool:
    """Gives a written file its final name; after a power cut it is there whole or not at all. With `once`
    False where that name is taken."""
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    while True:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            if once:
                os.link(fresh, target)
            else:
                fresh.replace(target)
            break
        except FileExistsError:
            return False
        except FileNotFoundError:
            if not fresh.exists():
                raise  # else: somebody pruned the empty folder in between
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _read(path: Path, start: int, stop: int | None) -> Iterator[bytes]:
    with path.open("rb") as source:
        source.seek(start)
        left = None if stop is None else max(stop - start, 0)
        while chunk := source.read(CHUNK if left is None else min(CHUNK, left)):
            if left is not None:
                left -= len(chunk)
            yield chunk
