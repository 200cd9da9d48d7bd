"""Players whom the server looks for: a real API, and a worker that does what the test says."""

from pathlib import Path

from pycore.protocol import (
    AnalysisState,
    Job,
    JobKind,
    JobState,
    Problem,
    Size,
    TrackColumns,
    Tracking,
    TrackingResult,
)
from pycore.tests.session.real_server import CPU, Page, RealServer, in_a_session
from server.db.documents import dump
from server.storage.keys import tracking_key
from server.storage.opening import open_storage


async def asked(page: Page, server: RealServer, clip: Path) -> Job:
    """The job of a search that has begun, and runs."""
    await page.open(clip)
    await page.do("start-analysis", server=True)
    job = (await page.until(lambda state: state.jobs, "the job")).jobs[0]
    assert job.kind is JobKind.TRACKING
    server.jobs.start(job.id, CPU)
    server.jobs.progress(job.id, 0.5, "Looking for players", 3.0, 1.0)
    now = await page.until(lambda state: state.analysis.progress == 0.5, "half of it")
    assert now.analysis.state is AnalysisState.RUNNING
    assert now.analysis.processor == CPU
    return job


@in_a_session
async def test_the_server_finds_them(page: Page, server: RealServer, clip: Path) -> None:
    job = await asked(page, server, clip)
    times = [33_333 * number for number in range(12)]
    columns = TrackColumns("1", list(range(12)), [10.0, 10.0, 8.0, 20.0] * 12, [0.9] * 12, [0] * 12)
    found = Tracking(Size(96, 64), times, tracks=[columns])
    open_storage(server.config).put(tracking_key(job.id), [dump(found).encode()])
    server.jobs.succeed_tracking(job.id, TrackingResult(1, 1.0, 12, 12.0, "test CPU", 1, 0))
    now = await page.until(lambda state: state.analysis.state is AnalysisState.DONE, "the players")
    assert [player.id for player in now.analysis.players] == ["1"]
    assert len(server.puts) > 1  # the clip was sent
    # It is kept: opened again, the clip needs no second search.
    await page.do("close-media")
    await page.open(clip)
    await page.until(lambda state: state.analysis.players, "the players found before")
    assert len(page.state.jobs) == 1
    assert not page.notices


@in_a_session
async def test_a_search_that_fails_says_why(page: Page, server: RealServer, clip: Path) -> None:
    job = await asked(page, server, clip)
    server.jobs.fail(job.id, Problem("gpu.out-of-memory", "The GPU ran out of memory"))
    now = await page.until(lambda state: state.analysis.state is AnalysisState.FAILED, "a failure")
    assert now.analysis.problem is not None
    assert now.analysis.problem.code == "gpu.out-of-memory"


@in_a_session
async def test_cancelling_the_search_cancels_the_job(page: Page, server: RealServer, clip: Path) -> None:
    job = await asked(page, server, clip)
    await page.do("cancel-analysis")
    assert page.state.analysis.state is AnalysisState.NONE
    await page.hear(lambda _: server.jobs.cancel_requested(job.id), "the job told to stop")
    server.jobs.cancelled(job.id)
    await page.until(lambda state: state.jobs[0].state is JobState.CANCELLED, "the end of the job")
    assert page.state.analysis.state is AnalysisState.NONE


@in_a_session
async def test_closing_the_clip_while_it_is_sent_ends_the_search(
    page: Page, server: RealServer, clip: Path
) -> None:
    server.fault = lambda scope: (
        "hold" if scope.get("method") == "PUT" and "/storage/" in scope["path"] else None
    )
    await page.open(clip)
    await page.do("start-analysis", server=True)
    await page.hear(lambda _: server.puts, "an upload")
    await page.do("close-media")
    assert page.state.analysis.state is AnalysisState.NONE
    await page.until(lambda state: state.upload is None, "the end of the upload")
    server.fault = lambda scope: None
    assert not page.state.jobs
