"""The main job: open a clip, see it upscaled live, export it, keep a file that is better than bicubic."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from e2e.clips import demo_frames, quarter, read_clip, write_clip, y_psnr
from e2e.conftest import OpenPage
from e2e.driver import download, export, open_clip, pixels, seek, state, until, wait_for_job
from pycore.framing.crop import snap
from pycore.protocol import Rect, Size
from pycore.tests.reference import picture

pytestmark = pytest.mark.browser


def _snapped(project: dict) -> tuple[int, int, int, int]:
    clip = project["clips"][0]
    return snap(Rect(**clip["crop"]), Size(**clip["media"]["size"]))


def test_demo_clip_is_upscaled_live_like_the_reference(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_test_id("demo-button").click()
    now = until(page, lambda now: now["project"] and now["preview"]["live"], "a live preview")
    assert now["capability"]["level"] in ("webgpu-full", "webgpu-limited")
    seek(page, 1.0)
    page.evaluate(
        "globalThis.reelballers.command('set-crop', {crop: {x: 800, y: 400, width: 90, height: 160}})"
    )
    now = until(page, lambda now: now["project"]["clips"][0]["crop"]["height"] == 160, "the crop")
    page.evaluate("globalThis.reelballers.settled()")
    crop = _snapped(now["project"])
    source = pixels(page, "video", crop)
    shown = pixels(page, "reel-canvas")
    expected = picture(source, (0, 0, *crop[2:]), sharpness=now["preview"]["sharpness"])
    assert shown.shape == expected.shape == (320, 180, 3)
    difference = np.abs(shown.astype(int) - expected.astype(int))
    assert difference.max() <= 3
    assert difference.mean() < 0.5


def test_the_export_is_what_was_asked_and_better_than_bicubic(open_page: OpenPage, tmp_path: Path) -> None:
    truth = demo_frames(24, (640, 384))
    page = open_page()
    open_clip(page, write_clip(tmp_path / "small.mp4", quarter(truth)))
    page.get_by_test_id("aspect-free").click()
    page.evaluate(
        """async () => {
            const {command} = globalThis.reelballers;
            await command('set-crop', {crop: {x: 0, y: 0, width: 160, height: 96}});
            await command('set-output', {size: {width: 640, height: 384}, model: 'quick'});
        }"""
    )
    job = wait_for_job(page, export(page)["id"], "succeeded")
    assert job["result"]["out_size"] == {"width": 640, "height": 384}
    assert job["result"]["frames"] == 24
    exported, audio_packets = read_clip(download(page, job["id"], tmp_path))
    decoded, source_packets = read_clip(tmp_path / "small.mp4")
    assert len(exported) == 24
    assert exported[0].shape == (384, 640, 3)
    assert audio_packets == source_packets > 0
    bicubic = [
        np.asarray(Image.fromarray(frame).resize((640, 384), Image.Resampling.BICUBIC)) for frame in decoded
    ]
    assert y_psnr(exported, truth) > y_psnr(bicubic, truth) + 0.5


def test_an_export_can_be_cancelled(open_page: OpenPage, small_clip: Path) -> None:
    page = open_page()
    open_clip(page, small_clip)
    job = export(page)
    page.get_by_test_id(f"job-{job['id']}").get_by_test_id("job-cancel").click()
    wait_for_job(page, job["id"], "cancelled")


def test_before_is_the_left_of_the_divider_and_after_the_right(open_page: OpenPage, small_clip: Path) -> None:
    page = open_page()
    open_clip(page, small_clip)
    until(page, lambda now: now["preview"]["live"], "a live preview")
    seek(page, 0.2)
    page.evaluate("globalThis.reelballers.settled()")
    after = pixels(page, "reel-canvas").astype(int)
    page.get_by_test_id("split-slider").fill("0.5")
    until(page, lambda now: now["preview"]["split"] == 0.5, "the divider")
    page.evaluate("globalThis.reelballers.settled()")
    half = pixels(page, "reel-canvas").astype(int)
    width = half.shape[1]
    assert np.abs(half - after)[:, width // 2 + 4 :].max() <= 1
    assert np.abs(half - after)[:, : width // 2 - 4].max() > 4
    assert state(page)["preview"]["live"]
