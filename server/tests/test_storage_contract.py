"""The contract of a storage, run over every implementation."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from pycore.protocol import ReelError
from server.api.main import PREFIX, create_app
from server.config import Config
from server.config.s3 import S3Settings, s3_settings
from server.storage.base import Storage, check_key
from server.storage.cache import FileCache
from server.storage.keys import media_key
from server.storage.local import LocalStorage
from server.storage.s3 import S3Storage
from server.storage.signing import UrlSigner
from server.tests.asgi import SyncClient

FIRST_PART = 5 * 1024 * 1024
"""What S3 takes at least, where it is not the last part."""


@dataclass
class Fixture:
    """A storage, a client that its URLs work with, what it takes for now in Unix seconds, and a way to let
    that moment pass."""

    storage: Storage
    http: SyncClient | httpx.Client
    now: int
    wait_until: Callable[[float], None]


@contextmanager
def _local(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    config = Config(data=request.getfixturevalue("tmp_path") / "data")
    config.prepare()
    now = [1_800_000_000.0]
    signer = UrlSigner(config.signing_key(), f"{PREFIX}/storage", lambda: now[0])
    storage = LocalStorage(config.storage, signer)
    with SyncClient(create_app(config, lambda: now[0])) as client:
        yield Fixture(storage, client, int(now[0]), lambda moment: now.__setitem__(0, moment))


@contextmanager
def _bucket(settings: S3Settings, request: pytest.FixtureRequest) -> Iterator[Fixture]:
    own = replace(settings, prefix=f"{settings.prefix}test-{secrets.token_hex(6)}/")
    storage = S3Storage(own, FileCache(request.getfixturevalue("tmp_path") / "cache", 1 << 30))
    with httpx.Client(timeout=60) as http:
        yield Fixture(storage, http, int(time.time()), _sleep_until)
    for each in storage.objects(""):
        storage.delete(each.key)


@contextmanager
def _seaweed(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    with _bucket(request.getfixturevalue("seaweed"), request) as fixture:
        yield fixture


@contextmanager
def _r2(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    settings = s3_settings(
        {
            name.replace("REELBALLERS_TEST_R2", "REELBALLERS_S3"): value
            for name, value in os.environ.items()
            if "REELBALLERS_TEST_R2" in name
        }
    )
    assert settings is not None
    with _bucket(settings, request) as fixture:
        yield fixture


def _sleep_until(moment: float) -> None:
    while time.time() < moment:
        time.sleep(0.05)


IMPLEMENTATIONS = {"local": _local, "seaweed": _seaweed}
if "REELBALLERS_TEST_R2_ENDPOINT" in os.environ:  # a real bucket, to be named on purpose
    IMPLEMENTATIONS["r2"] = _r2


@pytest.fixture(params=IMPLEMENTATIONS)
def fixture(request: pytest.FixtureRequest) -> Iterator[Fixture]:
    with IMPLEMENTATIONS[request.param](request) as fixture:
        yield fixture


@pytest.fixture
def storage(fixture: Fixture) -> Storage:
    return fixture.storage


def content(storage: Storage, key: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(storage.get(key, start, stop))


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(ReelError) as caught:
        action()
    return caught.value.problem.code


# Objects


def test_what_was_put_can_be_had(storage: Storage) -> None:
    stored = storage.put("a/b.mp4", [b"one", b"two"])
    assert (stored.key, stored.bytes) == ("a/b.mp4", 6)
    assert content(storage, "a/b.mp4") == b"onetwo"
    assert storage.stat("a/b.mp4") == stored


def test_put_replaces_and_changes_the_etag(storage: Storage) -> None:
    before = storage.put("a", [b"one"])
    after = storage.put("a", [b"four"])
    assert content(storage, "a") == b"four"
    assert after.etag != before.etag


def test_a_put_that_breaks_off_leaves_the_old_content(storage: Storage) -> None:
    storage.put("a", [b"old"])

    def chunks() -> Iterator[bytes]:
        yield b"new"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        storage.put("a", chunks())
    assert content(storage, "a") == b"old"
    assert [each.key for each in storage.objects("")] == ["a"]


def test_a_file_is_copied_in(storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    storage.put_file("folder/file", path)
    path.write_bytes(b"changed")
    assert content(storage, "folder/file") == b"content"


def test_an_object_is_a_file_to_read(storage: Storage) -> None:
    storage.put("a/b", [b"content"])
    with storage.as_file("a/b") as path:
        assert path.read_bytes() == b"content"


def test_parts_of_an_object_can_be_read(storage: Storage) -> None:
    storage.put("a", [b"0123456789"])
    assert content(storage, "a", 3) == b"3456789"
    assert content(storage, "a", 3, 5) == b"34"
    assert content(storage, "a", 3, 3) == b""
    assert content(storage, "a", 8, 100) == b"89"


def test_what_is_not_there_is_said_to_be(storage: Storage) -> None:
    assert storage.stat("nothing") is None
    assert code_of(lambda: storage.get("nothing")) == "storage.not-found"
    assert code_of(lambda: storage.as_file("nothing").__enter__()) == "storage.not-found"
    storage.put("file", [b""])
    assert storage.stat("file/below") is None
    storage.put("folder/file", [b""])
    assert storage.stat("folder") is None


def test_objects_are_listed_below_a_folder(storage: Storage) -> None:
    for key in ("a/2", "a/1", "a/sub/3", "ab/4"):
        storage.put(key, [b"x"])
    assert [each.key for each in storage.objects("a")] == ["a/1", "a/2", "a/sub/3"]
    assert [each.key for each in storage.objects("")] == ["a/1", "a/2", "a/sub/3", "ab/4"]
    assert storage.objects("nothing") == []


def test_deleting(storage: Storage) -> None:
    for key in ("a/1", "a/2", "ab/3"):
        storage.put(key, [b"x"])
    storage.delete("a/1")
    storage.delete("a/1")
    assert [each.key for each in storage.objects("")] == ["a/2", "ab/3"]
    upload = storage.create_upload("a/4")
    storage.put_part("a/4", upload, 1, [b"x"], 1)
    storage.delete_folder("a")
    storage.delete_folder("a")
    assert [each.key for each in storage.objects("")] == ["ab/3"]
    assert code_of(lambda: storage.list_parts("a/4", upload)) == "storage.not-found"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "..",
        "a/../b",
        "../../etc/passwd",
        "/etc/passwd",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "A",
        "a b",
        "a\\b",
        "a\0b",
        "a\n",
        "é",
        "%2e%2e/a",
        "a" * 600,
    ],
)
def test_no_key_leads_out(fixture: Fixture, key: str) -> None:
    storage = fixture.storage
    for action in (
        lambda: storage.put(key, [b"x"]),
        lambda: storage.get(key),
        lambda: storage.stat(key),
        lambda: storage.delete(key),
        lambda: storage.delete_folder(key),
        lambda: storage.create_upload(key),
        lambda: storage.url_to_get(key, "x", fixture.now),
        lambda: storage.url_to_put_part(key, "x", 1, 1, fixture.now),
    ):
        assert code_of(action) == "storage.bad-key"


# Uploads in parts


def test_an_upload_in_parts(storage: Storage) -> None:
    upload = storage.create_upload("a/b")
    storage.put_part("a/b", upload, 2, [b"5", b"6"], 2)
    first = b"1" * FIRST_PART
    storage.put_part("a/b", upload, 1, [first], FIRST_PART)
    there = [(part.number, part.bytes) for part in storage.list_parts("a/b", upload)]
    assert there == [(1, FIRST_PART), (2, 2)]
    assert storage.stat("a/b") is None
    assert storage.complete_upload("a/b", upload, 2).bytes == FIRST_PART + 2
    assert content(storage, "a/b") == first + b"56"
    assert code_of(lambda: storage.list_parts("a/b", upload)) == "storage.not-found"


def test_a_part_can_be_sent_again(fixture: Fixture) -> None:
    storage = fixture.storage
    upload = storage.create_upload("a")
    storage.put_part("a", upload, 1, [b"wrong"], 5)
    fixture.wait_until(time.time() + 1.1)  # SeaweedFS tells parts of one number apart by the second
    storage.put_part("a", upload, 1, [b"right"], 5)
    storage.complete_upload("a", upload, 1)
    assert content(storage, "a") == b"right"


def test_missing_parts_are_named(storage: Storage) -> None:
    upload = storage.create_upload("a")
    storage.put_part("a", upload, 2, [b"x"], 1)
    with pytest.raises(ReelError) as caught:
        storage.complete_upload("a", upload, 3)
    assert caught.value.problem.code == "storage.parts-missing"
    assert "1, 3 of 3" in caught.value.problem.detail
    assert [part.number for part in storage.list_parts("a", upload)] == [2]


@pytest.mark.parametrize("chunks", [[b"123"], [b"12345"], [], [b"1234", b"5"]])
def test_a_part_has_the_announced_length_or_is_refused(storage: Storage, chunks: list[bytes]) -> None:
    upload = storage.create_upload("a")
    assert code_of(lambda: storage.put_part("a", upload, 1, chunks, 4)) == "storage.part-length"
    assert storage.list_parts("a", upload) == []


def test_an_upload_belongs_to_its_key(storage: Storage) -> None:
    upload = storage.create_upload("a")
    for key, name in (("b", upload), ("a", "0" * 32), ("a", "../../etc"), ("a", "")):
        assert code_of(lambda k=key, n=name: storage.put_part(k, n, 1, [b"x"], 1)) == "storage.not-found"
    assert code_of(lambda: storage.put_part("a", upload, 0, [b"x"], 1)) == "storage.bad-part"
    assert code_of(lambda: storage.put_part("a", upload, 10_001, [b"x"], 1)) == "storage.bad-part"


def test_an_aborted_upload_is_gone(storage: Storage) -> None:
    upload = storage.create_upload("a")
    storage.put_part("a", upload, 1, [b"x"], 1)
    storage.abort_upload("a", upload)
    storage.abort_upload("a", upload)
    assert code_of(lambda: storage.complete_upload("a", upload, 1)) == "storage.not-found"


# URLs


PART = {"Content-Type": "application/octet-stream"}


def changed(url: str, query: dict[str, str]) -> str:
    parts = urlsplit(url)
    every = dict(parse_qsl(parts.query)) | query
    return urlunsplit(parts._replace(query=urlencode(every, quote_via=quote)))


def every_change(url: str) -> list[str]:
    """The URL with each of its parameters changed, one more, none, and for another object."""
    parts = urlsplit(url)
    others = {"1": "2", "60": "61"}
    one = [changed(url, {name: others.get(value, value + "0")}) for name, value in parse_qsl(parts.query)]
    folder, _, _ = parts.path.rpartition("/")
    return [
        *one,
        changed(url, {"extra": "1"}),
        urlunsplit(parts._replace(query="")),
        urlunsplit(parts._replace(path=f"{folder}/other")),
    ]


def test_a_part_is_put_through_a_url(fixture: Fixture) -> None:
    upload = fixture.storage.create_upload("a/b")
    url = fixture.storage.url_to_put_part("a/b", upload, 1, 4, fixture.now + 60)
    assert fixture.http.put(url, content=b"1234", headers=PART).status_code in (200, 204)
    assert [(part.number, part.bytes) for part in fixture.storage.list_parts("a/b", upload)] == [(1, 4)]


def test_a_part_url_takes_that_length_alone(fixture: Fixture) -> None:
    upload = fixture.storage.create_upload("a")
    url = fixture.storage.url_to_put_part("a", upload, 1, 4, fixture.now + 60)
    for body in (b"123", b"12345", b""):
        assert fixture.http.put(url, content=body, headers=PART).status_code >= 400
    assert fixture.http.put(url, content=iter([b"12", b"345"]), headers=PART).status_code >= 400
    assert fixture.storage.list_parts("a", upload) == []


def test_an_object_is_downloaded_through_a_url(fixture: Fixture) -> None:
    fixture.storage.put("a/b.mp4", [b"0123456789"])
    answer = fixture.http.get(fixture.storage.url_to_get("a/b.mp4", 'Tor "1" – Müller.mp4', fixture.now + 60))
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment;")
    assert "filename*=UTF-8''Tor%20%221%22%20%E2%80%93%20M%C3%BCller.mp4" in disposition


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=0-100", 206, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=4-2", 200, b"0123456789"),  # or 416, as S3 has it
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges_of_a_download(fixture: Fixture, wanted: str, status: int, body: bytes | None) -> None:
    fixture.storage.put("a", [b"0123456789"])
    answer = fixture.http.get(
        fixture.storage.url_to_get("a", "a", fixture.now + 60), headers={"Range": wanted}
    )
    if wanted == "bytes=4-2" and answer.status_code == 416:
        return
    assert answer.status_code == status
    if body is not None:
        assert answer.content == body
    if status == 206:
        start = b"0123456789".index(body or b"")
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(body or b'') - 1}/10"
    if status == 416:
        assert answer.headers["content-range"] == "bytes */10"


def test_an_expired_url_is_refused(fixture: Fixture) -> None:
    fixture.storage.put("a", [b"x"])
    upload = fixture.storage.create_upload("b")
    expires_at = max(fixture.now, int(time.time()) if fixture.now < time.time() + 60 else 0) + 2
    get = fixture.storage.url_to_get("a", "a", expires_at)
    part = fixture.storage.url_to_put_part("b", upload, 1, 1, expires_at)
    put = fixture.storage.url_to_put("c.mp4", expires_at)
    fixture.wait_until(expires_at + 1)
    assert fixture.http.get(get).status_code == 403
    assert fixture.http.put(part, content=b"x", headers=PART).status_code == 403
    assert fixture.http.put(put, content=b"x", headers={"Content-Type": "video/mp4"}).status_code == 403


def test_a_changed_url_is_refused(fixture: Fixture) -> None:
    storage, http = fixture.storage, fixture.http
    storage.put("a", [b"x"])
    storage.put("other", [b"secret"])
    get = storage.url_to_get("a", "a.mp4", fixture.now + 60)
    upload = storage.create_upload("c")
    part = storage.url_to_put_part("c", upload, 1, 1, fixture.now + 60)
    put = storage.url_to_put("d.mp4", fixture.now + 60)
    whole = {"Content-Type": "video/mp4"}
    refused = [
        *(http.get(each) for each in every_change(get)),
        *(http.put(each, content=b"x", headers=PART) for each in every_change(part)),
        *(http.put(each, content=b"x", headers=whole) for each in every_change(put)),
        http.get(part),
        http.put(get, content=b"x"),
        http.put(part, content=b"xx", headers=PART),
        http.put(put, content=b"x", headers=PART),
        http.delete(get),
        http.delete(put),
    ]
    told = [answer.status_code for answer in refused]
    assert all(400 <= status < 500 for status in told), told
    assert content(storage, "other") == b"secret"
    assert storage.list_parts("c", upload) == []
    assert storage.stat("d.mp4") is None


def test_an_object_is_put_through_a_url(fixture: Fixture) -> None:
    url = fixture.storage.url_to_put("a/b.mp4", fixture.now + 60)
    for body in (b"first", b"again"):  # a retry replaces
        answer = fixture.http.put(url, content=body, headers={"Content-Type": "video/mp4"})
        assert answer.status_code in (200, 204), answer.text
        assert content(fixture.storage, "a/b.mp4") == body


def test_an_object_that_may_be_created_once(storage: Storage) -> None:
    """Of many who try at the same moment one succeeds, and its content stays."""
    with ThreadPoolExecutor(8) as threads:
        won = [*threads.map(lambda n: storage.put_once("claim", [b"by ", b"%d" % n]), range(8))]
    assert sum(won) == 1
    assert content(storage, "claim") == b"by %d" % won.index(True)
    assert not storage.put_once("claim", [b"late"])
    storage.delete("claim")
    assert storage.put_once("claim", [b"again"])


def test_a_url_to_create_an_object_once(fixture: Fixture) -> None:
    url = fixture.storage.url_to_put("a/claim", fixture.now + 60, once=True)
    plain, once = PART, {**PART, "If-None-Match": "*"}
    assert fixture.http.put(url, content=b"x", headers=plain).status_code == 403  # the condition is signed
    assert fixture.storage.stat("a/claim") is None
    assert fixture.http.put(url, content=b"first", headers=once).status_code in (200, 204)
    assert fixture.http.put(url, content=b"second", headers=once).status_code == 412
    assert content(fixture.storage, "a/claim") == b"first"


def test_a_deleted_object_is_not_found(fixture: Fixture) -> None:
    fixture.storage.put("a", [b"x"])
    url = fixture.storage.url_to_get("a", "a", fixture.now + 60)
    fixture.storage.delete("a")
    assert fixture.http.get(url).status_code == 404


@pytest.mark.parametrize(
    "name",
    ["clip.mp4", "../../etc/passwd", "...", "", "Ä", ".hidden", "a" * 300 + ".mp4", "\0\n", "-x-", "/"],
)
def test_a_files_name_makes_a_key(name: str) -> None:
    key = check_key(media_key("project-1", "media-1", name))
    assert key.startswith("projects/project-1/media/media-1/")
    assert key.count("/") == 4
