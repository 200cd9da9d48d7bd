"""What a storage is: objects under keys, uploads in parts, and URLs that let somebody else do one of these
things for a while.

One contract test runs over all implementations (server/tests/test_storage_*.py).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from pycore.protocol import ReelError

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
MAX_KEY = 512
MAX_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`etag` changes whenever the content does; `modified_at` is in Unix seconds."""

    key: str
    bytes: int
    etag: str
    modified_at: float


@dataclass(frozen=True, slots=True)
class StoredPart:
    number: int
    bytes: int


class Storage(Protocol):
    """Objects under keys. All methods block; ReelError `storage.not-found` where a key or an upload is not
    there.

    An object appears whole or not at all, and a write replaces what was there. Keys are lower-case path
    segments (see `check_key`); no key is the folder of another.
    """

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        """Stores the chunks, joined."""
        ...

    def put_once(self, key: str, chunks: Iterable[bytes]) -> bool:
        """Stores the chunks, joined, where there is no such object yet; False where there is. Of several at
        once, one gets True."""
        ...

    def put_file(self, key: str, path: Path) -> StoredObject:
        """Stores a copy of a file."""
        ...

    def get(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `stop` (None: the end), in chunks."""
        ...

    def stat(self, key: str) -> StoredObject | None:
        """What is stored under the key, if anything is."""
        ...

    def objects(self, prefix: str) -> list[StoredObject]:
        """The objects under the folder `prefix` (without trailing slash; "" is all), by key."""
        ...

    def delete(self, key: str) -> None:
        """Deletes the object; one that is not there counts as deleted."""
        ...

    def delete_folder(self, prefix: str) -> None:
        """Deletes every object under the folder, and uploads to keys in it."""
        ...

    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """The object as a local file to read, for as long as the context lasts."""
        ...

    def create_upload(self, key: str) -> str:
        """Starts an upload in parts; its id."""
        ...

    def put_part(
        self, key: str, upload: str, number: int, chunks: Iterable[bytes], length: int
    ) -> StoredPart:
        """Stores part `number` (from 1), which must have exactly `length` bytes; a part stored before is
        replaced."""
        ...

    def list_parts(self, key: str, upload: str) -> list[StoredPart]:
        """The parts stored so far, by number."""
        ...

    def complete_upload(self, key: str, upload: str, parts: int) -> StoredObject:
        """Joins parts 1 to `parts` into the object and ends the upload. ReelError `storage.parts-missing`
        names gaps."""
        ...

    def abort_upload(self, key: str, upload: str) -> None:
        """Ends the upload and deletes its parts; one that is not there counts as aborted."""
        ...

    def url_to_put_part(self, key: str, upload: str, number: int, length: int, expires_at: int) -> str:
        """A URL for `PUT` of one part of exactly `length` bytes until `expires_at` (Unix seconds). It may
        be relative to the API's address."""
        ...

    def url_to_put(self, key: str, expires_at: int, *, once: bool = False) -> str:
        """A URL for one `PUT` of a whole object, sent with `content_type(key)` as its type, until
        `expires_at` (Unix seconds). It may be relative to the API's address. With `once` it must be sent with
        `If-None-Match: *` too, and is answered by 412 where there is an object already."""
        ...

    def url_to_get(self, key: str, filename: str, expires_at: int) -> str:
        """A URL for `GET` (ranges too) that downloads the object as `filename`, until `expires_at` (Unix
        seconds). It may be relative to the API's address."""
        ...


def check_key(key: str) -> str:
    """The key, if it is one: lower-case segments of letters, digits, `.`, `_`, `-` that begin with a letter
    or digit, so no key leads out of the storage. ReelError `storage.bad-key` otherwise."""
    if len(key) > MAX_KEY or not _KEY.fullmatch(key):
        raise ReelError.of(
            "storage.bad-key",
            "This is no storage key",
            f"{key[:80]!r} does not fit.",
            "Keys are lower-case segments of letters, digits, '.', '_' and '-', joined by '/'.",
            404,
        )
    return key


def check_part_number(number: int) -> int:
    """The number, if it is a part's. ReelError `storage.bad-part` otherwise."""
    if not 1 <= number <= MAX_PARTS:
        raise ReelError.of(
            "storage.bad-part",
            "This is no part number",
            f"Parts count from 1 to {MAX_PARTS}, not {number}.",
            status=422,
        )
    return number


def not_found(what: str) -> ReelError:
    """For an object or upload that is not there."""
    return ReelError.of(
        "storage.not-found", "Not in the storage", f"{what} is not there.", "It may have been deleted.", 404
    )


def part_length(number: int, length: int, got: int | None) -> ReelError:
    """For a part that has not the announced length; `got` None: it has more."""
    came = "more than that came" if got is None else f"{got} came"
    return ReelError.of(
        "storage.part-length",
        "A part has the wrong length",
        f"Part {number} must have {length} bytes; {came}.",
        "Send the part again.",
        422,
    )


def parts_missing(missing: Sequence[int], parts: int) -> ReelError:
    """For an upload of `parts` parts that is not whole."""
    return ReelError.of(
        "storage.parts-missing",
        "Parts of the upload are missing",
        f"Part{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing[:10])) or 1} of {parts}.",
        "Ask for the upload plan and send the parts that are not done.",
        409,
    )


def content_type(key: str) -> str:
    """What an object is served as."""
    return "video/mp4" if key.endswith(".mp4") else "application/octet-stream"


def content_disposition(filename: str) -> str:
    """The header that makes a download have this name (RFC 6266)."""
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "_" for letter in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
