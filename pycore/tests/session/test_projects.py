"""Projects, exports and estimates against the real API, and a server that comes and goes."""

import asyncio
import json
import re
from pathlib import Path

from pycore.protocol import JobState, ModelName, Project, Route, decode
from pycore.tests.session.real_server import CPU, PART_BYTES, Page, RealServer, in_a_session, write_clip


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
    (asked,) = request.clips
    probed = project.clips[0].media
    assert asked.media_id == probed.id != ""
    assert (probed.fps, probed.frames, probed.codec) == (30, 12, "h264")
    assert (asked.crop.x, asked.crop.y, asked.crop.width, asked.crop.height) == (16, 0, 64, 64)
    assert (request.size.width, request.size.height, request.model) == (128, 128, ModelName.QUICK)
    assert (asked.in_us, asked.out_us) == (0, 400_000)
    length = clip.stat().st_size
    assert len(server.puts) == -(-length // PART_BYTES) > 5
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
    sent = len(server.puts)
    await page.do("set-trim", in_us=0, out_us=200_000)
    await page.do("undo")
    await page.do("start-export")
    state = await page.until(lambda state: len(state.jobs) == 2, "the second job")
    assert len(server.puts) == sent
    assert state.jobs[0].created_at >= state.jobs[1].created_at


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
    assert page.state.tracking_estimates == []


@in_a_session
async def test_what_a_search_for_players_takes_is_told_before(
    page: Page, server: RealServer, clip: Path
) -> None:
    await page.open(clip)
    (told,) = (await page.until(lambda state: state.tracking_estimates, "estimates")).tracking_estimates
    assert (told.route, told.recommended, told.cost_usd) == (Route.LOCAL, True, 0.0)
    assert told.frames == 12


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
