"""The application against the real API, with faults in between. No worker runs: the tests move jobs on."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pycore.backends.native_host import NativeFile
from pycore.protocol import JobState, ModelName, Problem, Processor, ProcessorKind, Project, decode
from pycore.tests.real_server import Page, RealServer, in_a_session, real_server, write_clip
from pycore.uploads import ATTEMPTS, FRESH_PLANS, fingerprint

PART = 4096
CPU = Processor(ProcessorKind.CPU, "test CPU", True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    with real_server(tmp_path / "data", part_bytes=PART) as server:
        server.has_worker()
        yield server


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


@pytest.fixture
def page(server: RealServer) -> Page:
    return Page(server.url)


def puts(server: RealServer) -> list[str]:
    return [request for request in server.requests if request.startswith("PUT /api/v1/storage/")]


def is_put(scope: dict) -> bool:
    return scope.get("method") == "PUT" and "/storage/" in scope["path"]


@in_a_session
async def test_an_export_stores_the_project_uploads_the_media_and_makes_a_job(
    page: Page, server: RealServer, clip: Path
) -> None:
    await page.open(clip)
    await page.do("set-aspect", aspect="1:1")
    await page.do("set-output", size={"width": 128, "height": 128})
    assert not [request for request in server.requests if re.match("(POST|PUT) .*/projects", request)]

    assert await page.do("start-export") is None
    state = await page.until(lambda state: state.jobs, "the job")
    project, job = state.project, state.jobs[0]
    assert project is not None
    assert (job.project_id, job.state, job.processor) == (project.id, JobState.QUEUED, CPU)
    request = server.jobs.request(job.id)
    probed = project.clips[0].media
    assert request.media_id == probed.id != ""
    assert (probed.fps, probed.frames, probed.codec) == (30, 12, "h264")
    assert (request.crop.x, request.crop.y, request.crop.width, request.crop.height) == (16, 0, 64, 64)
    assert (request.size.width, request.size.height, request.model) == (128, 128, ModelName.QUICK)
    assert (request.in_us, request.out_us) == (0, 400_000)
    length = clip.stat().st_size
    assert len(puts(server)) == -(-length // PART) > 5
    assert state.upload is None
    sent = [
        m["event"]["state"]["upload"]["sent"]
        for m in page.posted
        if m["event"].get("state", {}).get("upload")
    ]
    assert sent == sorted(sent)
    assert (sent[0], sent[-1]) == (0, length)

    stored = await page.host.http("GET", f"/api/v1/projects/{project.id}")
    assert decode(Project, json.loads(stored.body)) == project
    assert not page.notices


@in_a_session
async def test_a_second_export_sends_the_media_no_second_time(
    page: Page, server: RealServer, clip: Path
) -> None:
    await page.open(clip)
    await page.do("start-export")
    await page.until(lambda state: state.jobs, "the job")
    sent = len(puts(server))
    await page.do("set-trim", in_us=0, out_us=200_000)
    await page.do("undo")
    await page.do("start-export")
    state = await page.until(lambda state: len(state.jobs) == 2, "the second job")
    assert len(puts(server)) == sent
    assert state.jobs[0].created_at >= state.jobs[1].created_at


@in_a_session
async def test_a_killed_session_takes_up_its_project_and_its_upload(server: RealServer, clip: Path) -> None:
    server.fault = lambda scope: "hold" if is_put(scope) and len(puts(server)) > 3 else None
    async with Page(server.url) as first:
        await first.open(clip)
        await first.do("set-aspect", aspect="4:5")
        await first.do("start-export")
        await first.until(lambda state: state.upload and state.upload.sent >= 3 * PART, "three parts")
        project = first.state.project
    assert project is not None

    server.fault = lambda scope: None
    server.requests.clear()
    async with Page(server.url) as second:
        await second.open(clip, project_id=project.id)
        assert second.state.project == replace(project, revision=second.state.project.revision)  # type: ignore[union-attr]
        await second.do("start-export")
        await second.until(lambda state: state.jobs, "the job")
        assert len(puts(server)) == -(-clip.stat().st_size // PART) - 3


@in_a_session
async def test_edits_made_while_the_stored_project_is_looked_up_win(
    page: Page, server: RealServer, clip: Path
) -> None:
    await page.open(clip)
    await page.do("start-export")
    state = await page.until(lambda state: state.jobs, "the job")
    assert state.project is not None
    async with Page(server.url) as again:
        opening = asyncio.create_task(again.open(clip, project_id=state.project.id))
        await again.until(lambda state: state.project, "a project at once")
        await again.do("set-aspect", aspect="16:9")
        await opening
        assert again.state.project is not None
        assert again.state.project.clips[0].aspect == "16:9"
        assert again.state.project.clips[0].media.id == state.project.clips[0].media.id
        assert again.state.project.revision == state.project.revision


@in_a_session
async def test_a_stored_project_of_another_file_is_left_alone(
    page: Page, server: RealServer, clip: Path, tmp_path: Path
) -> None:
    await page.open(clip)
    await page.do("start-export")
    taken = (await page.until(lambda state: state.jobs, "the job")).project
    assert taken is not None
    other = write_clip(tmp_path / "other.mp4", seed=8)
    await page.open(other, project_id=taken.id)
    project = page.state.project
    assert project is not None
    assert project.id != taken.id
    assert project.clips[0].media.name == "other.mp4"


@in_a_session
async def test_a_stored_project_that_comes_too_late_is_no_longer_taken_up(
    page: Page, clip: Path, tmp_path: Path
) -> None:
    await page.open(clip)
    await page.do("start-export")
    stored = (await page.until(lambda state: state.jobs, "the job")).project
    assert stored is not None
    opening = asyncio.create_task(page.open(clip, project_id=stored.id))
    await asyncio.sleep(0)  # it has begun, and waits for the server
    await page.open(write_clip(tmp_path / "other.mp4", seed=8))
    await opening
    assert page.state.project is not None
    assert page.state.project.clips[0].media.name == "other.mp4"


@in_a_session
async def test_an_unknown_project_id_is_kept_for_the_new_project(page: Page, clip: Path) -> None:
    await page.open(clip, project_id="remembered-by-the-page")
    assert page.state.project is not None
    assert page.state.project.id == "remembered-by-the-page"
    assert not page.notices


@in_a_session
async def test_parts_are_tried_again_after_server_errors_and_broken_connections(
    page: Page, server: RealServer, clip: Path
) -> None:
    faults = iter(["503", "drop", None, "late", "500", "429"])
    server.fault = lambda scope: next(faults, None) if is_put(scope) else None
    await page.open(clip)
    await page.do("start-export")
    await page.until(lambda state: state.jobs, "the job")
    assert len(puts(server)) == -(-clip.stat().st_size // PART) + 5
    assert not page.notices


@in_a_session
async def test_an_upload_gives_up_in_the_end_and_a_new_start_goes_on(
    page: Page, server: RealServer, clip: Path
) -> None:
    server.fault = lambda scope: "drop" if is_put(scope) and len(puts(server)) > 2 else None
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
    assert len(puts(server)) == -(-clip.stat().st_size // PART) - 2


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
    server.fault = lambda scope: "hold" if is_put(scope) and len(puts(server)) > 1 else None
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
async def test_an_answer_that_got_lost_makes_no_second_job(
    page: Page, server: RealServer, clip: Path
) -> None:
    faults = iter(["late"])
    server.fault = lambda scope: next(faults, None) if scope["path"].endswith("/exports") else None
    await page.open(clip)
    await page.do("start-export")
    await page.until(lambda state: state.jobs, "the job")
    assert len([request for request in server.requests if request.endswith("/exports")]) == 2
    assert len(server.jobs.newest()) == 1


@in_a_session
async def test_estimates_follow_the_clip(page: Page, server: RealServer, clip: Path) -> None:
    await page.open(clip)
    first = (await page.until(lambda state: state.estimates, "estimates")).estimates
    assert [estimate.recommended for estimate in first].count(True) == 1
    await page.do("set-trim", in_us=0, out_us=100_000)
    state = await page.until(lambda state: state.estimates and state.estimates != first, "others")
    assert state.estimates[0].frames == 3
    asked = server.requests.count("POST /api/v1/estimates")
    await page.do("refresh-server")  # the server may have learnt
    await page.hear(lambda _: server.requests.count("POST /api/v1/estimates") > asked, "asking again")
    await page.do("close-media")
    assert page.state.estimates == []


async def a_job(page: Page, clip: Path) -> str:
    await page.open(clip)
    await page.do("start-export")
    return (await page.until(lambda state: state.jobs, "the job")).jobs[0].id


@in_a_session
async def test_a_job_is_followed_to_its_end(page: Page, server: RealServer, clip: Path) -> None:
    job_id = await a_job(page, clip)
    server.jobs.start(job_id, CPU)
    await page.until(lambda state: state.jobs[0].state is JobState.RUNNING, "running")
    server.jobs.progress(job_id, 0.5, "Segment 1 of 2", 3.0, 1.0)
    await page.until(lambda state: state.jobs[0].progress == 0.5, "half of it")
    early = await page.ask("download-result", job_id=job_id)
    assert early["error"]["code"] == "job.no-result"
    server.jobs.fail(
        job_id, Problem("gpu.out-of-memory", "The GPU ran out of memory", hint="Use a smaller crop.")
    )
    await page.until(lambda state: state.jobs[0].state is JobState.FAILED, "failed")
    assert [notice["code"] for notice in page.notices] == ["gpu.out-of-memory"]


@in_a_session
async def test_a_job_can_be_cancelled(page: Page, server: RealServer, clip: Path) -> None:
    job_id = await a_job(page, clip)
    await page.do("cancel-job", job_id=job_id)
    assert page.state.jobs[0].state is JobState.CANCELLED
    answer = await page.ask("cancel-job", job_id="no-such-job")
    assert answer["error"]["code"] == "job.not-found"


@in_a_session
async def test_a_broken_websocket_is_opened_again_and_http_fills_the_gap(
    page: Page, server: RealServer, clip: Path
) -> None:
    server.fault = lambda scope: "refuse" if scope["type"] == "websocket" else None
    job_id = await a_job(page, clip)
    server.jobs.start(job_id, CPU)
    await page.until(lambda state: state.jobs[0].state is JobState.RUNNING, "running, read over HTTP")
    server.fault = lambda scope: None
    server.requests.clear()
    await page.hear(lambda _: f"WS /api/v1/jobs/{job_id}/events" in server.requests, "a new WebSocket")
    server.jobs.cancel(job_id)
    server.jobs.cancelled(job_id)
    await page.until(lambda state: state.jobs[0].state is JobState.CANCELLED, "the end")
    assert not page.notices


@in_a_session
async def test_jobs_made_before_are_listed_and_followed_and_old_failures_are_no_news(
    page: Page, server: RealServer, clip: Path
) -> None:
    first = await a_job(page, clip)
    server.jobs.fail(first, Problem("x", "It failed"))
    await page.hear(lambda page: page.notices, "a notice")
    await page.do("refresh-server")
    await page.do("start-export")
    await page.until(lambda state: len(state.jobs) == 2, "a second job")
    assert len(page.notices) == 1
    async with Page(server.url) as later:
        state = await later.until(lambda state: len(state.jobs) == 2, "both jobs")
        second = state.jobs[0].id
        assert state.jobs[1].id == first
        server.jobs.start(second, CPU)
        await later.until(lambda state: state.jobs[0].state is JobState.RUNNING, "running")
        assert not later.notices


@in_a_session
async def test_a_job_deleted_elsewhere_leaves_the_list(page: Page, server: RealServer, clip: Path) -> None:
    job_id = await a_job(page, clip)
    server.jobs.cancel(job_id)
    await page.until(lambda state: state.jobs[0].state is JobState.CANCELLED, "cancelled")
    server.jobs.delete(job_id)
    await page.do("refresh-server")
    assert page.state.jobs == []


@in_a_session
async def test_the_page_finds_a_server_that_comes_and_one_that_comes_back(
    server: RealServer, clip: Path
) -> None:
    server.fault = lambda scope: "drop"
    async with Page(server.url, server=False) as page:
        await page.until(lambda state: state.server_problem, "no server")
        await page.open(clip)
        assert page.state.estimates == []
        server.fault = lambda scope: None
        state = await page.until(
            lambda state: state.server and state.estimates, "the server, and its estimates"
        )
        assert state.server_problem is None
        server.fault = lambda scope: "drop"
        await page.do("set-output", size={"width": 720, "height": 1280})
        await page.until(lambda state: state.server is None and not state.estimates, "no server")
        server.fault = lambda scope: None
        await page.until(lambda state: state.server and state.estimates, "the server again")
        assert not page.notices


@in_a_session
async def test_something_else_at_the_address_is_no_server(page: Page, server: RealServer) -> None:
    server.fault = lambda scope: "404"
    await page.do("refresh-server")
    assert page.state.server is None
    assert page.state.server_problem is not None
    assert page.state.server_problem.code == "server.http-404"
    assert "ReelBallers server" in page.state.server_problem.hint


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
