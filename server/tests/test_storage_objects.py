"""The contract of a storage, over every implementation: objects."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.storage.base import Storage, check_key
from server.storage.keys import media_key
from server.tests.storages import Stored, code_of, content


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
def test_no_key_leads_out(stored: Stored, key: str) -> None:
    storage = stored.storage
    for action in (
        lambda: storage.put(key, [b"x"]),
        lambda: storage.get(key),
        lambda: storage.stat(key),
        lambda: storage.delete(key),
        lambda: storage.delete_folder(key),
        lambda: storage.create_upload(key),
        lambda: storage.url_to_get(key, "x", stored.now),
        lambda: storage.url_to_put_part(key, "x", 1, 1, stored.now),
    ):
        assert code_of(action) == "storage.bad-key"


def test_an_object_that_may_be_created_once(storage: Storage) -> None:
    """Of many who try at the same moment one succeeds, and its content stays."""
    with ThreadPoolExecutor(8) as threads:
        won = [*threads.map(lambda n: storage.put_once("claim", [b"by ", b"%d" % n]), range(8))]
    assert sum(won) == 1
    assert content(storage, "claim") == b"by %d" % won.index(True)
    assert not storage.put_once("claim", [b"late"])
    storage.delete("claim")
    assert storage.put_once("claim", [b"again"])


@pytest.mark.parametrize(
    "name",
    ["clip.mp4", "../../etc/passwd", "...", "", "Ä", ".hidden", "a" * 300 + ".mp4", "\0\n", "-x-", "/"],
)
def test_a_files_name_makes_a_key(name: str) -> None:
    key = check_key(media_key("project-1", "media-1", name))
    assert key.startswith("projects/project-1/media/media-1/")
    assert key.count("/") == 4
