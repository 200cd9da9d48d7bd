"""Jobs as the page lists them: followed while they run, over whatever way there is."""

from pathlib import Path

from pycore.protocol import JobState, Problem
from pycore.tests.session.real_server import CPU, Page, RealServer, in_a_session


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
