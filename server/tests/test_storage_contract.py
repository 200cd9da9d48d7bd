"""The contract of a storage, run over every implementation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from pycore.protocol import ReelError
from server.api.main import PREFIX, create_app
from server.config import Config
from server.storage.base import Storage, check_key
from server.storage.keys import media_key
from server.storage.local import LocalStorage
from server.storage.signing import UrlSigner
from server.tests.asgi import SyncClient

NOW = 1_800_000_000


@dataclass
class Fixture:
    """A storage, a client that its URLs work with, and the moment that it takes for now."""

    storage: Storage
    http: SyncClient
    at: Callable[[float], None]


def _local(tmp_path: Path) -> Iterator[Fixture]:
    config = Config(data=tmp_path / "data")
    config.prepare()
    now = [float(NOW)]
    signer = UrlSigner(config.signing_key(), f"{PREFIX}/storage", lambda: now[0])
    with SyncClient(create_app(config, lambda: now[0])) as client:
        yield Fixture(LocalStorage(config.storage, signer), client, lambda moment: now.__setitem__(0, moment))


IMPLEMENTATIONS = {"local": _local}


@pytest.fixture(params=IMPLEMENTATIONS)
def fixture(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fixture]:
    yield from IMPLEMENTATIONS[request.param](tmp_path)


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
def test_no_key_leads_out(storage: Storage, key: str) -> None:
    for action in (
        lambda: storage.put(key, [b"x"]),
        lambda: storage.get(key),
        lambda: storage.stat(key),
        lambda: storage.delete(key),
        lambda: storage.delete_folder(key),
        lambda: storage.create_upload(key),
        lambda: storage.url_to_get(key, "x", NOW),
        lambda: storage.url_to_put_part(key, "x", 1, 1, NOW),
    ):
        assert code_of(action) == "storage.bad-key"


# Uploads in parts


def test_an_upload_in_parts(storage: Storage) -> None:
    upload = storage.create_upload("a/b")
    storage.put_part("a/b", upload, 2, [b"5", b"6"], 2)
    storage.put_part("a/b", upload, 1, [b"1234"], 4)
    assert [(part.number, part.bytes) for part in storage.list_parts("a/b", upload)] == [(1, 4), (2, 2)]
    assert storage.stat("a/b") is None
    assert storage.complete_upload("a/b", upload, 2).bytes == 6
    assert content(storage, "a/b") == b"123456"
    assert code_of(lambda: storage.list_parts("a/b", upload)) == "storage.not-found"


def test_a_part_can_be_sent_again(storage: Storage) -> None:
    upload = storage.create_upload("a")
    storage.put_part("a", upload, 1, [b"wrong"], 5)
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


def changed(url: str, **query: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | query)))


def test_a_part_is_put_through_a_url(fixture: Fixture) -> None:
    upload = fixture.storage.create_upload("a/b")
    url = fixture.storage.url_to_put_part("a/b", upload, 1, 4, NOW + 60)
    assert fixture.http.put(url, content=b"1234").status_code in (200, 204)
    assert [(part.number, part.bytes) for part in fixture.storage.list_parts("a/b", upload)] == [(1, 4)]


def test_a_part_url_takes_that_length_alone(fixture: Fixture) -> None:
    upload = fixture.storage.create_upload("a")
    url = fixture.storage.url_to_put_part("a", upload, 1, 4, NOW + 60)
    for body in (b"123", b"12345", b""):
        assert fixture.http.put(url, content=body).status_code >= 400
    assert fixture.http.put(url, content=iter([b"12", b"345"])).status_code >= 400
    assert fixture.storage.list_parts("a", upload) == []


def test_an_object_is_downloaded_through_a_url(fixture: Fixture) -> None:
    fixture.storage.put("a/b.mp4", [b"0123456789"])
    answer = fixture.http.get(fixture.storage.url_to_get("a/b.mp4", 'Tor "1" – Müller.mp4', NOW + 60))
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
        ("bytes=4-2", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges_of_a_download(fixture: Fixture, wanted: str, status: int, body: bytes | None) -> None:
    fixture.storage.put("a", [b"0123456789"])
    answer = fixture.http.get(fixture.storage.url_to_get("a", "a", NOW + 60), headers={"Range": wanted})
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
    get = fixture.storage.url_to_get("a", "a", NOW + 60)
    put = fixture.storage.url_to_put_part("b", upload, 1, 1, NOW + 60)
    fixture.at(NOW + 61)
    assert fixture.http.get(get).status_code == 403
    assert fixture.http.put(put, content=b"x").status_code == 403


def test_a_changed_url_is_refused(fixture: Fixture) -> None:
    storage, http = fixture.storage, fixture.http
    storage.put("a", [b"x"])
    storage.put("b", [b"secret"])
    get = storage.url_to_get("a", "a.mp4", NOW + 60)
    upload = storage.create_upload("c")
    put = storage.url_to_put_part("c", upload, 1, 1, NOW + 60)
    last = get[-1]
    refused = [
        http.get(get.replace("/a?", "/b?")),
        http.get(urlsplit(get).path),
        http.get(changed(get, expires=str(NOW + 9999))),
        http.get(changed(get, filename="other.exe")),
        http.get(changed(get, extra="1")),
        http.get(get[:-1] + ("0" if last != "0" else "1")),
        http.get(changed(get, signature="")),
        http.get(changed(get, signature="é")),
        http.get(put),
        http.put(get, content=b"x"),
        http.put(changed(put, bytes="2"), content=b"xx"),
        http.put(changed(put, part="2"), content=b"x"),
        http.put(put.replace("/c?", "/b?"), content=b"x"),
        http.delete(get),
    ]
    assert all(answer.status_code in (400, 403, 405) for answer in refused), [a.status_code for a in refused]
    assert content(storage, "b") == b"secret"
    assert storage.list_parts("c", upload) == []


def test_a_deleted_object_is_not_found(fixture: Fixture) -> None:
    fixture.storage.put("a", [b"x"])
    url = fixture.storage.url_to_get("a", "a", NOW + 60)
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
