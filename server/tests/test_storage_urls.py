"""The contract of a storage, over every implementation: presigned URLs."""

import time
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import pytest

from server.tests.storages import Stored, content

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


def test_a_part_is_put_through_a_url(stored: Stored) -> None:
    upload = stored.storage.create_upload("a/b")
    url = stored.storage.url_to_put_part("a/b", upload, 1, 4, stored.now + 60)
    assert stored.http.put(url, content=b"1234", headers=PART).status_code in (200, 204)
    assert [(part.number, part.bytes) for part in stored.storage.list_parts("a/b", upload)] == [(1, 4)]


def test_a_part_url_takes_that_length_alone(stored: Stored) -> None:
    upload = stored.storage.create_upload("a")
    url = stored.storage.url_to_put_part("a", upload, 1, 4, stored.now + 60)
    for body in (b"123", b"12345", b""):
        assert stored.http.put(url, content=body, headers=PART).status_code >= 400
    assert stored.http.put(url, content=iter([b"12", b"345"]), headers=PART).status_code >= 400
    assert stored.storage.list_parts("a", upload) == []


def test_an_object_is_downloaded_through_a_url(stored: Stored) -> None:
    stored.storage.put("a/b.mp4", [b"0123456789"])
    answer = stored.http.get(stored.storage.url_to_get("a/b.mp4", 'Tor "1" – Müller.mp4', stored.now + 60))
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
def test_ranges_of_a_download(stored: Stored, wanted: str, status: int, body: bytes | None) -> None:
    stored.storage.put("a", [b"0123456789"])
    answer = stored.http.get(stored.storage.url_to_get("a", "a", stored.now + 60), headers={"Range": wanted})
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


def test_an_expired_url_is_refused(stored: Stored) -> None:
    stored.storage.put("a", [b"x"])
    upload = stored.storage.create_upload("b")
    expires_at = max(stored.now, int(time.time()) if stored.now < time.time() + 60 else 0) + 2
    get = stored.storage.url_to_get("a", "a", expires_at)
    part = stored.storage.url_to_put_part("b", upload, 1, 1, expires_at)
    put = stored.storage.url_to_put("c.mp4", expires_at)
    stored.wait_until(expires_at + 1)
    assert stored.http.get(get).status_code == 403
    assert stored.http.put(part, content=b"x", headers=PART).status_code == 403
    assert stored.http.put(put, content=b"x", headers={"Content-Type": "video/mp4"}).status_code == 403


def test_a_changed_url_is_refused(stored: Stored) -> None:
    storage, http = stored.storage, stored.http
    storage.put("a", [b"x"])
    storage.put("other", [b"secret"])
    get = storage.url_to_get("a", "a.mp4", stored.now + 60)
    upload = storage.create_upload("c")
    part = storage.url_to_put_part("c", upload, 1, 1, stored.now + 60)
    put = storage.url_to_put("d.mp4", stored.now + 60)
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


def test_an_object_is_put_through_a_url(stored: Stored) -> None:
    url = stored.storage.url_to_put("a/b.mp4", stored.now + 60)
    for body in (b"first", b"again"):  # a retry replaces
        answer = stored.http.put(url, content=body, headers={"Content-Type": "video/mp4"})
        assert answer.status_code in (200, 204), answer.text
        assert content(stored.storage, "a/b.mp4") == body


def test_a_url_to_create_an_object_once(stored: Stored) -> None:
    url = stored.storage.url_to_put("a/claim", stored.now + 60, once=True)
    plain, once = PART, {**PART, "If-None-Match": "*"}
    assert stored.http.put(url, content=b"x", headers=plain).status_code == 403  # the condition is signed
    assert stored.storage.stat("a/claim") is None
    assert stored.http.put(url, content=b"first", headers=once).status_code in (200, 204)
    assert stored.http.put(url, content=b"second", headers=once).status_code == 412
    assert content(stored.storage, "a/claim") == b"first"


def test_a_deleted_object_is_not_found(stored: Stored) -> None:
    stored.storage.put("a", [b"x"])
    url = stored.storage.url_to_get("a", "a", stored.now + 60)
    stored.storage.delete("a")
    assert stored.http.get(url).status_code == 404
