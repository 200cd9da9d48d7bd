"""Uploads go on where they stopped, whatever stops them, and end with words when they must."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pycore.backends.native_host import NativeFile
from pycore.tests.session.real_server import PART_BYTES, Page, RealServer, in_a_session, is_put, part_number
from pycore.uploads import ATTEMPTS, FRESH_PLANS, fingerprint


@in_a_session
async def test_a_killed_session_takes_up_its_project_and_its_upload(server: RealServer, clip: Path) -> None:
    server.fault = lambda scope: "hold" if is_put(scope) and len(server.puts) > 3 else None
    async with Page(server.url) as first:
        await first.open(clip)
        await first.do("set-aspect", aspect="4:5")
        await first.do("start-export")
        await first.until(lambda state: state.upload and state.upload.sent >= 3 * PART_BYTES, "three parts")
        await first.hear(lambda _: len(server.puts) == 6, "the next three, held")
        project = first.state.project
    assert project is not None

    server.fault = lambda scope: None
    server.requests.clear()
    async with Page(server.url) as second:
        await second.open(clip, project_id=project.id)
        assert second.state.project == replace(project, revision=second.state.project.revision)  # type: ignore[union-attr]
        await second.do("start-export")
        await second.until(lambda state: state.jobs, "the job")
        assert len(server.puts) == -(-clip.stat().st_size // PART_BYTES) - 3


@in_a_session
async def test_parts_are_tried_again_after_server_errors_and_broken_connections(
    page: Page, server: RealServer, clip: Path
) -> None:
    faults = iter(["503", "drop", None, "late", "500", "429"])
    server.fault = lambda scope: next(faults, None) if is_put(scope) else None
    await page.open(clip)
    await page.do("start-export")
    await page.until(lambda state: state.jobs, "the job")
    assert len(server.puts) == -(-clip.stat().st_size // PART_BYTES) + 5
    assert not page.notices


@in_a_session
async def test_an_upload_gives_up_in_the_end_and_a_new_start_goes_on(
    page: Page, server: RealServer, clip: Path
) -> None:
    def two_parts_then_none(scope: dict[str, Any]) -> str | None:
        if not is_put(scope) or part_number(scope) <= 2:
            return None
        upload = page.state.upload
        return "drop" if upload and upload.sent >= 2 * PART_BYTES else "wait"

    server.fault = two_parts_then_none
    await page.open(clip)
    await page.do("start-export")
    await page.hear(lambda page: page.notices, "a notice")
    assert page.notices[0]["code"] == "upload.interrupted"
    assert f"{ATTEMPTS} times" in page.notices[0]["detail"]
    assert "start the export again" in page.notices[0]["hint"]
    assert page.state.upload is None
    server.fault = lambda scope: None
    server.requests.clear()
    await page.do("start-export")
    await page.until(lambda state: state.jobs, "the job")
    assert len(server.puts) == -(-clip.stat().st_size // PART_BYTES) - 2


@in_a_session
async def test_expired_urls_are_asked_for_anew(page: Page, server: RealServer, clip: Path) -> None:
    faults = iter([None, "403", None, "403", "403", "403"])
    server.fault = lambda scope: next(faults, None) if is_put(scope) else None
    await page.open(clip)
    await page.do("start-export")
    await page.until(lambda state: state.jobs, "the job")
    plans = [request for request in server.requests if re.fullmatch("GET .*/media/[^/]+", request)]
    assert len(plans) >= 2
    assert not page.notices


@in_a_session
async def test_a_storage_that_takes_no_url_is_told(page: Page, server: RealServer, clip: Path) -> None:
    server.fault = lambda scope: "403" if is_put(scope) else None
    await page.open(clip)
    await page.do("start-export")
    await page.hear(lambda page: page.notices, "a notice")
    assert page.notices[0]["code"] == "upload.refused"
    plans = [request for request in server.requests if re.fullmatch("GET .*/media/[^/]+", request)]
    assert len(plans) == FRESH_PLANS - 1


@in_a_session
async def test_a_cancelled_upload_stops_and_can_be_started_again(
    page: Page, server: RealServer, clip: Path
) -> None:
    server.fault = lambda scope: "hold" if is_put(scope) and len(server.puts) > 1 else None
    await page.open(clip)
    await page.do("start-export")
    await page.until(lambda state: state.upload and state.upload.sent, "a part")
    busy = await page.ask("start-export")
    assert busy["error"]["code"] == "export.busy"
    await page.do("cancel-job", job_id="upload")
    await page.until(lambda state: state.upload is None, "the end of the upload")
    server.fault = lambda scope: None
    await page.do("start-export")
    await page.until(lambda state: state.jobs, "the job")
    assert not page.notices


@in_a_session
async def test_closing_the_medium_stops_its_upload(page: Page, server: RealServer, clip: Path) -> None:
    server.fault = lambda scope: "hold" if is_put(scope) else None
    await page.open(clip)
    await page.do("start-export")
    await page.until(lambda state: state.upload, "the upload")
    await page.do("close-media")
    await page.until(lambda state: state.upload is None, "the end of the upload")
    assert page.state.project is None
    assert not page.notices


@in_a_session
async def test_a_file_that_went_away_is_told(page: Page, clip: Path) -> None:
    await page.open(clip)
    clip.unlink()
    await page.do("start-export")
    await page.hear(lambda page: page.notices, "a notice")
    assert page.notices[0]["code"] == "media.unreadable"


@in_a_session
async def test_a_file_that_is_no_video_is_told_in_the_servers_words(page: Page, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video " * 2000)
    await page.open(text)
    await page.do("start-export")
    await page.hear(lambda page: page.notices, "a notice")
    assert page.notices[0]["code"].startswith("media.")
    assert page.notices[0]["hint"]
    assert page.state.jobs == []


@in_a_session
async def test_a_fingerprint_tells_contents_apart(tmp_path: Path) -> None:
    def file(name: str, content: bytes) -> NativeFile:
        (tmp_path / name).write_bytes(content)
        return NativeFile(tmp_path / name)

    content = bytes(range(256)) * 20_000  # 5 MB
    names = set()
    for index, place in enumerate((None, 0, 1_500_000 // 256 * 256, len(content) - 1)):
        changed = bytearray(content)
        if place is not None:
            changed[place] ^= 255
        names.add(await fingerprint(file(f"{index}", bytes(changed))))
    names.add(await fingerprint(file("longer", content + b"\0")))
    assert len(names) == 4, "the change at 1.5 MB lies between samples: length and samples are the same"
    assert await fingerprint(file("copy", content)) in names
    assert await fingerprint(file("short", b"abc")) != await fingerprint(file("other", b"abd"))
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in names)
