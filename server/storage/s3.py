"""A storage in a bucket: Cloudflare R2, or anything else that speaks S3. Browsers send and fetch there
themselves, by presigned URLs.

R2 is the one to please: region `auto`, no POST policies, no checksums in trailers, and all parts of an
upload but the last of one length.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import boto3.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from pycore.protocol import ReelError
from server.config.s3 import S3Settings
from server.storage.base import (
    StoredObject,
    StoredPart,
    check_key,
    check_part_number,
    content_disposition,
    content_type,
    not_found,
    part_length,
    parts_missing,
)
from server.storage.cache import FileCache
from server.storage.s3_signing import PART_TYPE, S3Signer

CHUNK = 1024 * 1024
_IN_MEMORY = 8 * CHUNK
_DELETED_AT_ONCE = 1000
_NOT_THERE = ("404", "NoSuchKey", "NoSuchUpload", "NotFound")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412")
_BUSY = ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "500", "502", "503", "504")


class S3Storage:
    """See Storage. `cache` keeps copies for `as_file`; `clock` gives Unix seconds."""

    def __init__(
        self, settings: S3Settings, cache: FileCache, clock: Callable[[], float] = time.time
    ) -> None:
        self._bucket = settings.bucket
        self._prefix = settings.prefix
        self._cache = cache
        self._client: Any = client(settings)
        self._signer = S3Signer(settings, clock)
        self._transfer = TransferConfig(
            multipart_threshold=4 * _IN_MEMORY, multipart_chunksize=4 * _IN_MEMORY
        )

    # Objects

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        where = self._at(key)
        with SpooledTemporaryFile(_IN_MEMORY) as whole:
            for chunk in chunks:
                whole.write(chunk)
            whole.seek(0)
            with told(key):
                self._client.upload_fileobj(
                    whole, **where, ExtraArgs={"ContentType": content_type(key)}, Config=self._transfer
                )
        return self._found(key)

    def put_once(self, key: str, chunks: Iterable[bytes]) -> bool:
        try:
            with told(key):
                self._client.put_object(
                    **self._at(key),
                    Body=b"".join(chunks),
                    ContentType=content_type(key),
                    IfNoneMatch="*",
                )
        except _Taken:
            return False
        return True

    def put_file(self, key: str, path: Path) -> StoredObject:
        extra = {"ContentType": content_type(key)}
        with told(key):
            self._client.upload_file(str(path), **self._at(key), ExtraArgs=extra, Config=self._transfer)
        return self._found(key)

    def get(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        found = self._found(key)
        stop = found.bytes if stop is None else min(stop, found.bytes)
        if start >= stop:
            return iter(())
        with told(key):
            span = f"bytes={start}-{stop - 1}"
            body = self._client.get_object(**self._at(key), Range=span, IfMatch=found.etag)["Body"]
        return _read(key, body)

    def stat(self, key: str) -> StoredObject | None:
        where = self._at(key)
        try:
            with told(key):
                facts = self._client.head_object(**where)
        except ReelError as error:
            if error.problem.code == "storage.not-found":
                return None
            raise
        return StoredObject(
            key, facts["ContentLength"], facts["ETag"].strip('"'), facts["LastModified"].timestamp()
        )

    def objects(self, prefix: str) -> list[StoredObject]:
        folder = f"{check_key(prefix)}/" if prefix else ""
        found = [
            StoredObject(
                each["Key"].removeprefix(self._prefix),
                each["Size"],
                each["ETag"].strip('"'),
                each["LastModified"].timestamp(),
            )
            for page in self._pages("list_objects_v2", folder)
            for each in page.get("Contents", ())
            if not each["Key"].endswith("/")  # how some consoles mark a folder
        ]
        return sorted(found, key=lambda each: each.key)

    def delete(self, key: str) -> None:
        where = self._at(key)
        with contextlib.suppress(_NotThere), told(key):
            self._client.delete_object(**where)

    def delete_folder(self, prefix: str) -> None:
        folder = f"{check_key(prefix)}/"
        for page in self._pages("list_multipart_uploads", folder):
            for each in page.get("Uploads", ()):
                self.abort_upload(each["Key"].removeprefix(self._prefix), each["UploadId"])
        keys = [{"Key": f"{self._prefix}{each.key}"} for each in self.objects(prefix)]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            some = {"Objects": keys[start : start + _DELETED_AT_ONCE], "Quiet": True}
            with told(prefix):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete=some)
            for error in answer.get("Errors", ()):
                if error.get("Code") not in _NOT_THERE:
                    raise _unavailable(f"{error.get('Key')} was not deleted: {error.get('Message')}.")

    @contextlib.contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        found = self._found(key)

        def fetch(path: Path) -> None:
            with told(key):
                self._client.download_file(**self._at(key), Filename=str(path), Config=self._transfer)

        with self._cache.file(key, found.etag, fetch) as path:
            yield path

    # Uploads in parts

    def create_upload(self, key: str) -> str:
        with told(key):
            made = self._client.create_multipart_upload(**self._at(key), ContentType=content_type(key))
        return made["UploadId"]

    def put_part(
        self, key: str, upload: str, number: int, chunks: Iterable[bytes], length: int
    ) -> StoredPart:
        check_part_number(number)
        self._parts(key, upload)
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            for chunk in chunks:
                body.write(chunk)
                if body.tell() > length:
                    raise part_length(number, length, None)
            if body.tell() != length:
                raise part_length(number, length, body.tell())
            body.seek(0)
            with told(f"The upload to {key}"):
                self._client.upload_part(
                    **self._at(key), UploadId=upload, PartNumber=number, Body=body, ContentLength=length
                )
        return StoredPart(number, length)

    def list_parts(self, key: str, upload: str) -> list[StoredPart]:
        parts = self._parts(key, upload)
        return [StoredPart(number, parts[number]["Size"]) for number in sorted(parts)]

    def complete_upload(self, key: str, upload: str, parts: int) -> StoredObject:
        there = self._parts(key, upload)
        missing = [number for number in range(1, parts + 1) if number not in there]
        if missing or not parts:
            raise parts_missing(missing, parts)
        listed = [{"PartNumber": number, "ETag": there[number]["ETag"]} for number in range(1, parts + 1)]
        with told(f"The upload to {key}"):
            self._client.complete_multipart_upload(
                **self._at(key), UploadId=upload, MultipartUpload={"Parts": listed}
            )
        return self._found(key)

    def abort_upload(self, key: str, upload: str) -> None:
        if not upload:
            return
        with contextlib.suppress(_NotThere), told(key):
            self._client.abort_multipart_upload(**self._at(key), UploadId=upload)

    # URLs

    def url_to_put_part(self, key: str, upload: str, number: int, length: int, expires_at: int) -> str:
        query = {"partNumber": str(check_part_number(number)), "uploadId": upload}
        headers = {"Content-Length": str(length), "Content-Type": PART_TYPE}
        return self._signer.sign("PUT", self._prefix + check_key(key), expires_at, query, headers)

    def url_to_put(self, key: str, expires_at: int, *, once: bool = False) -> str:
        headers = {"Content-Type": content_type(key), **({"If-None-Match": "*"} if once else {})}
        return self._signer.sign("PUT", self._prefix + check_key(key), expires_at, {}, headers)

    def url_to_get(self, key: str, filename: str, expires_at: int) -> str:
        query = {
            "response-content-disposition": content_disposition(filename),
            "response-content-type": content_type(key),
            "response-cache-control": "private, no-cache",
        }
        return self._signer.sign("GET", self._prefix + check_key(key), expires_at, query, {})

    # Below

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _found(self, key: str) -> StoredObject:
        found = self.stat(key)
        if found is None:
            raise not_found(key)
        return found

    def _parts(self, key: str, upload: str) -> dict[int, Any]:
        """What is stored of each part by number (SeaweedFS lists a part that was sent twice twice: the newest
        counts)."""
        where = self._at(key)
        if not upload or ".." in upload:
            raise not_found(f"The upload to {key}")
        pages = self._client.get_paginator("list_parts").paginate(**where, UploadId=upload)
        with told(f"The upload to {key}"):
            parts = [part for page in pages for part in page.get("Parts", ())]
        return {each["PartNumber"]: each for each in sorted(parts, key=lambda each: each["LastModified"])}

    def _pages(self, what: str, folder: str) -> Iterator[Any]:
        pages = self._client.get_paginator(what).paginate(Bucket=self._bucket, Prefix=self._prefix + folder)
        with told(folder):
            yield from pages


def client(settings: S3Settings) -> Any:
    """boto3's client, set up as R2 wants it."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.endpoint,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        region_name=settings.region,
        config=ClientConfig(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "max_attempts": 4},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
        ),
    )


class _NotThere(ReelError):
    """`storage.not-found`, to be told from others without looking at codes."""


class _Taken(Exception):
    """There is such an object already, and there should not be."""


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """boto3's errors as ReelErrors: not there, out of reach (503: trying again may help), or refused."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        message = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".")
        if code in _NOT_THERE:
            raise _NotThere(not_found(what).problem) from error
        if code in _TAKEN:
            raise _Taken from error
        if code in _BUSY:
            raise _unavailable(f"{what}: {code}: {message}.") from error
        raise ReelError.of(
            "storage.refused",
            "The bucket refuses what the server asks of it",
            f"{error.operation_name}: {code}: {message}.",
            "Check the bucket's name and keys (REELBALLERS_S3_*): `reelballers doctor` says what is wrong.",
            500,
        ) from error
    except BotoCoreError as error:
        raise _unavailable(f"{what}: {error}") from error


def _unavailable(detail: str) -> ReelError:
    return ReelError.of(
        "storage.unavailable",
        "The bucket does not answer",
        detail,
        "Try again in a moment; if it stays so, `reelballers doctor` says what is wrong.",
        503,
    )


def _read(key: str, body: Any) -> Iterator[bytes]:
    with told(key), contextlib.closing(body):
        yield from body.iter_chunks(CHUNK)
