"""The crop goes along with a player: in the preview, and in the exported file the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from e2e.clips import read_clip, write_clip
from e2e.conftest import OpenPage
from e2e.driver import download, export, open_clip, pixels, seek, state, until, wait_for_job
from e2e.moving import command, crop_height, open_analysed, reduced
from pycore.protocol import Size, TrackColumns, Tracking, encode

pytestmark = pytest.mark.browser

WIDTH, HEIGHT, FRAMES, FPS = 160, 96, 24, 30


def walker(number: int) -> tuple[float, float]:
    """Where the player's middle is, between pixels."""
    return 40 + 2.6 * number, 48 + 0.2 * number


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bright blob that walks over grey."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    frames = []
    for number in range(FRAMES):
        cx, cy = walker(number)
        blob = np.exp(-((x - cx) ** 2 / 8 + (y - cy) ** 2 / 40))
        frames.append(np.repeat((70 + 170 * blob)[..., None], 3, axis=2).round().astype(np.uint8))
    return write_clip(tmp_path_factory.mktemp("walk") / "walk.mp4", frames, crf=6, audio=False)


def tracks() -> str:
    """The walker's track, as an analysis leaves it."""
    boxes: list[float] = []
    for number in range(FRAMES):
        cx, cy = walker(number)
        boxes += [cx - 5, cy - 12, 10, 24]
    times = [round(number * 1e6 / FPS) for number in range(FRAMES)]
    column = TrackColumns("1", list(range(FRAMES)), boxes, [0.9] * FRAMES, [0] * FRAMES)
    return json.dumps(encode(Tracking(Size(WIDTH, HEIGHT), times, tracks=[column])))


def middle(picture: np.ndarray) -> np.ndarray:
    """Centre of brightness, as shares of width and height."""
    light = np.maximum(picture.astype(float).mean(axis=2) - 130, 0)
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]] + 0.5
    return (
        np.array([(x * light).sum() / picture.shape[1], (y * light).sum() / picture.shape[0]]) / light.sum()
    )


def crop_frame(page: Page) -> float:
    """The left edge of the crop frame over Field, as a share of the picture."""
    return page.get_by_test_id("crop-frame").evaluate("frame => parseFloat(frame.style.left) / 100")


def test_preview_and_export_go_along_with_the_player(open_page: OpenPage, walk: Path, tmp_path: Path) -> None:
    page = open_page()
    open_analysed(page, walk, tracks())
    until(page, lambda now: now["preview"]["live"], "a live preview")
    command(page, "choose-player", track_id="1")
    command(page, "set-framing", framing={"player_share": 0.4, "smoothness": 0.3, "ball": 0.0})
    page.get_by_test_id("spotlight-ring").click()
    page.get_by_test_id("spotlight-name").fill("Ana")
    command(page, "set-output", size={"width": 90, "height": 160}, model="quick")
    until(page, lambda now: now["project"]["clips"][0]["spotlight"]["label"] == "Ana", "the name")
    expect(page.get_by_test_id("spotlight-ring")).to_have_attribute("aria-pressed", "true")
    until(page, lambda _: crop_height(page) < 0.9, "the crop on the player")

    shown: dict[int, np.ndarray] = {}
    edges: list[float] = []
    for number in (3, 12, 20):
        seek(page, (number + 0.5) / FPS)
        page.evaluate("globalThis.reelballers.settled()")
        shown[number] = pixels(page, "reel-canvas")
        edges.append(crop_frame(page))
        assert np.abs(middle(shown[number])[0] - 0.5) < 0.3  # in view with room around; it does not jerk
        yellow = shown[number].astype(int)
        assert ((yellow[..., 0] > 180) & (yellow[..., 2] < 110)).sum() > 20, "the ring"
    assert edges[2] - edges[0] == pytest.approx(2.6 * 17 / WIDTH, rel=0.3)

    job = export(page)
    wait_for_job(page, job["id"], "succeeded")
    frames, _ = read_clip(download(page, job["id"], tmp_path))
    assert len(frames) == FRAMES
    for number, picture in shown.items():
        assert np.abs(middle(frames[number]) - middle(picture)).max() < 0.03, "the same framing"
        small = reduced(picture, 30)
        assert np.abs(reduced(frames[number], 30) - small).mean() < 9


def dragged_right(now: Any) -> bool:
    """Whether the second keyframe is three crop widths right of the first; on the way it is anywhere."""
    keyframes = now["project"]["clips"][0]["keyframes"]
    return len(keyframes) == 2 and abs(keyframes[1]["crop"]["x"] - 81) <= 6


def test_keyframes_move_the_crop_and_are_undone(open_page: OpenPage, walk: Path) -> None:
    page = open_page()
    open_clip(page, walk)
    until(page, lambda now: now["preview"]["live"], "a live preview")
    left = {"x": 0, "y": 20, "width": 27, "height": 48}
    seek(page, 0.05)
    command(page, "set-crop", crop=left)
    page.get_by_test_id("keyframe").click()
    until(page, lambda now: len(now["project"]["clips"][0]["keyframes"]) == 1, "a keyframe")
    seek(page, 0.7)
    box = page.get_by_test_id("crop-frame").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 3 * box["width"], box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    now = until(page, dragged_right, "a second keyframe, where the drag ended")
    last = now["project"]["clips"][0]["keyframes"][1]["crop"]
    assert page.get_by_test_id("keyframe-mark").count() == 2

    places = []
    for moment in (0.05, 0.375, 0.7):
        seek(page, moment)
        page.evaluate("globalThis.reelballers.settled()")
        places.append(crop_frame(page) * WIDTH)
    assert places[0] == pytest.approx(0, abs=2)
    assert places[2] == pytest.approx(last["x"], abs=2)
    assert places[0] + 10 < places[1] < places[2] - 10

    page.get_by_test_id("keyframe-mark").nth(1).press("Delete")
    until(page, lambda now: len(now["project"]["clips"][0]["keyframes"]) == 1, "one keyframe less")
    page.get_by_test_id("undo").click()
    until(page, lambda now: len(now["project"]["clips"][0]["keyframes"]) == 2, "it back")
    assert state(page)["can_redo"]
