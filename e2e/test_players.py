"""Finding and following a player in the real page, on the CPU: a net that finds red stands for the one that
ships."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from e2e import red_net
from e2e.clips import read_clip, write_clip
from e2e.conftest import OpenPage
from e2e.driver import download, export, open_clip, seek, state, until, wait_for_job

pytestmark = pytest.mark.browser

SIZE = (320, 192)
FRAMES = 24


def clip_of(
    path: Path, *starts: tuple[int, int, int], frames: int = FRAMES, size: tuple[int, int] = SIZE
) -> Path:
    """Red players of 10x20 pixels on grass, from (x, y) with that many pixels a frame to the right."""
    random = np.random.default_rng(1)
    pictures = []
    for number in range(frames):
        picture = np.full((size[1], size[0], 3), (60, 130, 50), np.uint8)
        picture += random.integers(0, 6, picture.shape, np.uint8)
        for x, y, speed in starts:
            left = x + speed * number
            if 0 <= left < size[0]:
                picture[y : y + 20, left : left + 10] = (225, 25, 25)
        pictures.append(picture)
    return write_clip(path, pictures, audio=False)


def enlarged(clip: Path, target: Path, factor: int) -> Path:
    frames, _ = read_clip(clip)
    large = [frame.repeat(factor, axis=0).repeat(factor, axis=1) for frame in frames]
    return write_clip(target, large, audio=False)


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return red_net.write(tmp_path_factory.mktemp("net") / "red.onnx").read_bytes()


@pytest.fixture
def page(open_page: OpenPage, net: bytes) -> Page:
    page = open_page()
    page.context.route("**/models/detector*.onnx", lambda route: route.fulfill(body=net))
    return page


def click_at(page: Page, x: float, y: float, size: tuple[int, int] = SIZE, **options: object) -> None:
    """Clicks on that place of the picture."""
    box = page.get_by_test_id("video").bounding_box()
    assert box
    page.mouse.click(box["x"] + x / size[0] * box["width"], box["y"] + y / size[1] * box["height"])


def analysed(page: Page) -> dict:
    return until(page, lambda now: now["analysis"]["state"] in ("done", "failed"), "the end of the analysis")


def red(picture: np.ndarray) -> np.ndarray:
    """Left, top, right and bottom of what is red, as shares of the picture."""
    colors = picture.astype(int)
    y, x = np.nonzero((colors[..., 0] > 150) & (colors[..., 1] < 90))
    assert len(x), "nobody is in the picture"
    height, width = picture.shape[:2]
    return np.array([x.min() / width, y.min() / height, (x.max() + 1) / width, (y.max() + 1) / height])


def test_a_click_finds_the_player_whom_crop_and_export_follow(page: Page, tmp_path: Path) -> None:
    open_clip(page, clip_of(tmp_path / "two.mp4", (30, 60, 3), (280, 120, -2)))
    expect(page.get_by_test_id("field-hint")).to_have_text("Click a player to follow")
    seek(page, 0.2)
    click_at(page, 30 + 3 * 6 + 5, 70)
    now = analysed(page)
    assert now["analysis"]["state"] == "done", now["analysis"]
    assert len(now["analysis"]["players"]) == 2
    now = until(page, lambda now: now["project"]["clips"][0]["track_id"], "a chosen player")
    chosen = now["project"]["clips"][0]["track_id"]
    expect(page.get_by_test_id(f"player-{chosen}")).to_have_attribute("aria-pressed", "true")
    # The crop frame goes with the player from the left to the right.
    frame = page.get_by_test_id("crop-frame")
    places = []
    for seconds in (0.05, 0.7):
        seek(page, seconds)
        page.evaluate("globalThis.reelballers.settled()")
        expect(frame).to_be_visible()
        until(page, lambda _: frame.evaluate("frame => parseFloat(frame.style.left)") >= 0, "a placed frame")
        left, width = frame.evaluate("frame => [parseFloat(frame.style.left), parseFloat(frame.style.width)]")
        player = (35 + 3 * 30 * seconds) / SIZE[0] * 100
        assert left <= player <= left + width
        places.append(left)
    assert places[1] > places[0] + 3
    # The exported file frames the player: whole, with room around, in each picture.
    page.evaluate(
        "globalThis.reelballers.command('set-output', {size: {width: 90, height: 160}, model: 'quick'})"
    )
    until(page, lambda now: now["project"]["output"]["size"]["width"] == 90, "a small output")
    job = export(page)
    wait_for_job(page, job["id"], "succeeded")
    frames, _ = read_clip(download(page, job["id"], tmp_path))
    assert len(frames) == FRAMES
    boxes = np.array([red(frame) for frame in frames])
    assert boxes.min() > 0
    assert boxes.max() < 1
    assert np.median(boxes[:, 3] - boxes[:, 1]) == pytest.approx(0.3, abs=0.06)  # as high as was asked for
    page.get_by_test_id("undo").click()  # the size
    page.get_by_test_id("undo").click()  # the choice
    until(page, lambda now: not now["project"]["clips"][0]["track_id"], "the choice undone")


def test_split_join_and_stored_tracks(page: Page, tmp_path: Path) -> None:
    clip = clip_of(tmp_path / "stored.mp4", (30, 60, 3), (280, 120, -2))
    open_clip(page, clip)
    page.get_by_test_id("analyse").click()
    first = analysed(page)["analysis"]["players"][0]["id"]
    page.get_by_test_id(f"player-{first}").click()
    seek(page, 0.4)
    page.get_by_test_id("player-split").click()
    now = until(page, lambda now: len(now["analysis"]["players"]) == 3, "a split track")
    added = max(int(player["id"]) for player in now["analysis"]["players"])
    page.get_by_test_id(f"join-{added}").click()
    until(page, lambda now: len(now["analysis"]["players"]) == 2, "joined again")
    page.keyboard.press("Control+z")
    until(page, lambda now: len(now["analysis"]["players"]) == 3, "the join undone")
    # Opened again, the clip needs no second analysis.
    page.get_by_test_id("close-media").click()
    open_clip(page, clip)
    until(page, lambda now: now["analysis"]["state"] == "done", "the stored tracks")


def test_nobody_in_the_picture(page: Page, tmp_path: Path) -> None:
    open_clip(page, clip_of(tmp_path / "grass.mp4", frames=8))
    page.get_by_test_id("analyse").click()
    assert analysed(page)["analysis"]["players"] == []
    expect(page.get_by_test_id("analysis-message")).to_contain_text("Nobody was found")


def test_one_frame_a_portrait_and_a_very_wide_clip(page: Page, tmp_path: Path) -> None:
    tall = clip_of(tmp_path / "tall.mp4", (60, 200, 0), frames=1, size=(160, 320))
    small = clip_of(tmp_path / "small.mp4", (200, 60, 0), (400, 300, 3), frames=3, size=(768, 432))
    for clip, players in ((tall, 1), (enlarged(small, tmp_path / "wide.mp4", 4), 2)):
        open_clip(page, clip)
        page.get_by_test_id("analyse").click()
        analysis = analysed(page)["analysis"]
        assert len(analysis["players"]) == players, analysis
        page.get_by_test_id("close-media").click()
        until(page, lambda now: not now["project"], "a closed clip")


def test_cancel(page: Page, tmp_path: Path) -> None:
    open_clip(page, clip_of(tmp_path / "long.mp4", (30, 60, 1), frames=90))
    page.get_by_test_id("analyse").click()
    page.get_by_test_id("analysis-cancel").click()
    until(page, lambda now: now["analysis"]["state"] == "none", "no analysis")
    assert state(page)["analysis"]["players"] == []
