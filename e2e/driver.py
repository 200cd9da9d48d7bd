"""What the tests do with the page, in a person's words."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

State = dict[str, Any]


def state(page: Page) -> State:
    """What `reelballers.state()` answers."""
    return page.evaluate("globalThis.reelballers.state()")


def until(page: Page, condition: Callable[[State], Any], what: str, seconds: float = 120) -> State:
    """The first state that meets `condition`."""
    deadline = time.monotonic() + seconds
    while True:
        now = state(page)
        if condition(now):
            return now
        assert time.monotonic() < deadline, f"never saw {what}; the last state was {now}"
        page.wait_for_timeout(100)


def open_clip(page: Page, path: Path) -> State:
    """Chooses a file and waits until the project is there."""
    page.get_by_test_id("file-input").set_input_files(path)
    return until(page, lambda now: now["project"], "a project")


def seek(page: Page, seconds: float) -> None:
    """Pauses and goes to a moment; returns when that frame is shown."""
    page.evaluate(
        """async (seconds) => {
            const video = document.querySelector('[data-testid=video]');
            video.pause();
            const seeked = new Promise(done => video.addEventListener('seeked', done, {once: true}));
            video.currentTime = seconds;
            await seeked;
        }""",
        seconds,
    )


def shown_frame(page: Page, fps: int = 30) -> int:
    """The number of the frame at the playhead, from 0."""
    return int(page.get_by_test_id("video").evaluate("video => video.currentTime") * fps)


_GRAB = """async ([testid, crop]) => {
    const source = document.querySelector(`[data-testid=${testid}]`);
    const [x, y, width, height] = crop ?? [0, 0, source.width, source.height];
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', {willReadFrequently: true});
    context.drawImage(source, x, y, width, height, 0, 0, width, height);
    const bytes = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
    let text = '';
    for (let i = 0; i < bytes.length; i += 32768) {
        text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    }
    return [width, height, btoa(text)];
}"""


def pixels(page: Page, testid: str, crop: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """What a video or canvas shows, at its own resolution: (H, W, 3) uint8 RGB. `crop`: (x, y, width,
    height)."""
    width, height, data = page.evaluate(_GRAB, [testid, list(crop) if crop else None])
    rgba = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
    return rgba[..., :3].copy()


def wait_for_job(page: Page, job_id: str, outcome: str, seconds: float = 300) -> dict[str, Any]:
    """Waits until a job ends and asserts how."""

    def ended(now: State) -> Any:
        return next((job for job in now["jobs"] if job["id"] == job_id and _final(job)), None)

    job = ended(until(page, ended, f"the end of job {job_id}", seconds))
    assert job["state"] == outcome, job
    return job


def _final(job: dict[str, Any]) -> bool:
    return job["state"] in ("succeeded", "failed", "cancelled")


def export(page: Page) -> dict[str, Any]:
    """Presses Export and returns the job that appears."""
    before = {job["id"] for job in state(page)["jobs"]}
    expect(page.get_by_test_id("export-button")).to_be_enabled()
    page.get_by_test_id("export-button").click()
    now = until(page, lambda now: any(job["id"] not in before for job in now["jobs"]), "a new job")
    return next(job for job in now["jobs"] if job["id"] not in before)


def download(page: Page, job_id: str, folder: Path) -> Path:
    """Presses a job's download button and keeps the file."""
    with page.expect_download() as download:
        page.get_by_test_id(f"job-{job_id}").get_by_test_id("job-download").click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target
