"""The contract of a storage, over every implementation: uploads in parts."""

import time

import pytest

from pycore.protocol import ReelError
from server.storage.base import Storage
from server.tests.storages import Stored, code_of, content

FIRST_PART = 5 * 1024 * 1024
"""What S3 takes at least, where it is not the last part."""


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


def test_a_part_can_be_sent_again(stored: Stored) -> None:
    storage = stored.storage
    upload = storage.create_upload("a")
    storage.put_part("a", upload, 1, [b"wrong"], 5)
    stored.wait_until(time.time() + 1.1)  # SeaweedFS tells parts of one number apart by the second
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
