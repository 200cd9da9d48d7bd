"""The page itself: one screen, reachable by keyboard, nothing unnamed."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from e2e.conftest import OpenPage
from e2e.driver import open_clip, seek, shown_frame, state, until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_one_screen_without_scrolling(open_page: OpenPage, small_clip: Path, width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    open_clip(page, small_clip)
    overflow = page.evaluate(
        """() => {
            const page = document.documentElement;
            return [page.scrollWidth - innerWidth, page.scrollHeight - innerHeight];
        }"""
    )
    assert overflow[0] <= 0
    assert overflow[1] <= 0
    for name in ("video", "reel-canvas", "play", "export-button"):
        expect(page.get_by_test_id(name)).to_be_in_viewport()


def test_a_phone_scrolls_in_one_direction_only_and_no_button_covers_another(
    open_page: OpenPage, small_clip: Path
) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True)
    open_clip(page, small_clip)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    overlapping = page.evaluate(
        """() => {
            const boxes = [...document.querySelectorAll('.buttons :is(button, select)')]
                .filter(each => each.checkVisibility())
                .map(each => [each.dataset.testid, each.getBoundingClientRect()]);
            return boxes.slice(1)
                .map(([name, box], index) => [boxes[index][0], name, boxes[index][1].right - box.left])
                .filter(each => each[2] > 0.5);
        }"""
    )
    assert overlapping == []


def test_every_control_has_a_name_and_a_test_id(open_page: OpenPage, small_clip: Path) -> None:
    page = open_page()
    open_clip(page, small_clip)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, a[href], [role=slider], [tabindex]')]
            .filter(element => element.checkVisibility())
            .filter(element => !element.dataset.testid || !(element.ariaLabel || element.labels?.length
                || element.getAttribute('aria-labelledby') || element.textContent.trim()))
            .map(element => element.outerHTML.slice(0, 120))"""
    )
    assert unnamed == []


def test_dragging_the_crop_frame_is_one_step_to_undo(open_page: OpenPage, small_clip: Path) -> None:
    page = open_page()
    before = open_clip(page, small_clip)["project"]["clips"][0]["crop"]
    frame = page.get_by_test_id("crop-frame")
    box = frame.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(box["x"] + box["width"] / 2 + 12 * step, box["y"] + box["height"] / 2)
    page.mouse.up()
    picture = page.get_by_test_id("video").bounding_box()
    assert picture
    there = before["x"] + 60 * 160 / picture["width"]  # the last move, on a picture of 160 pixels
    moved = until(
        page,
        lambda now: abs(now["project"]["clips"][0]["crop"]["x"] - there) < 0.5,
        "the crop where it was let go",
    )
    assert moved["can_undo"]
    page.keyboard.press("Control+z")
    undone = until(page, lambda now: not now["can_undo"], "nothing left to undo")
    assert undone["project"]["clips"][0]["crop"] == before


def test_keys_play_seek_and_step(open_page: OpenPage, small_clip: Path) -> None:
    page = open_page()
    open_clip(page, small_clip)
    seek(page, 0.4)
    for key, frame in ((".", 13), (".", 14), (",", 13)):
        page.keyboard.press(key)
        until(page, lambda _, frame=frame: shown_frame(page) == frame, f"frame {frame} after {key}")
    page.keyboard.press("Home")
    page.get_by_test_id("video").evaluate(
        "video => { globalThis.played = new Promise(done => video.addEventListener('playing', done)); }"
    )
    page.keyboard.press("Space")
    page.evaluate("globalThis.played.then(() => true)")


def test_commands_from_outside_are_checked(open_page: OpenPage, small_clip: Path) -> None:
    page = open_page()
    open_clip(page, small_clip)
    message = page.evaluate(
        """globalThis.reelballers.command('set-crop', {crop: {x: 'left', y: 0, width: 1, height: 1}})
            .then(() => '', error => String(error.message))"""
    )
    assert "crop.x" in message
    assert "number" in message
    assert state(page)["project"]


def test_at_4k_controls_are_larger_and_the_whole_screen_is_used(
    open_page: OpenPage, small_clip: Path
) -> None:
    page = open_page(viewport={"width": 1440, "height": 810})
    open_clip(page, small_clip)
    export = page.get_by_test_id("export-button")
    usual = export.bounding_box()
    page.set_viewport_size({"width": 3840, "height": 2160})
    page.wait_for_function("() => innerWidth === 3840")
    large, field = export.bounding_box(), page.get_by_test_id("video").bounding_box()
    assert usual and large and field
    assert large["height"] > 1.3 * usual["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 3840
    assert page.evaluate("document.documentElement.scrollHeight") <= 2160
    handle = page.get_by_test_id("trim-in").bounding_box()
    seek_bar = page.get_by_test_id("seek").bounding_box()
    assert handle and seek_bar
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(seek_bar["x"] + seek_bar["width"] / 2, handle["y"] + handle["height"] / 2, steps=4)
    page.mouse.up()
    now = until(page, lambda now: now["project"]["clips"][0]["in_us"] > 300_000, "a clip that begins later")
    assert abs(now["project"]["clips"][0]["in_us"] - 400_000) < 10_000  # the middle of 0.8 s


def test_the_language_is_the_browsers_until_another_is_chosen(open_page: OpenPage) -> None:
    page = open_page(locale="de-AT")
    title, choose = page.locator(".empty-title"), page.get_by_test_id("choose-file")
    expect(title).to_have_text("Spielclip hier ablegen")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_test_id("settings-button").click()
    page.get_by_test_id("language").select_option("en")
    expect(choose).to_have_text("Choose a video")
    expect(page.get_by_test_id("status-chip")).to_have_attribute(
        "aria-label", re.compile("^Who does the work")
    )
    page.reload()
    expect(title).to_have_text("Drop a match clip here")
