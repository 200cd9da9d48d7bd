"""A reel of several clips in the page: added, chosen, moved, titled, removed, undone, and exported as one."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from e2e.clips import write_clip
from e2e.conftest import OpenPage
from e2e.driver import open_clip, seek, until

pytestmark = pytest.mark.browser


def test_clips_are_added_moved_titled_and_removed(open_page: OpenPage, small_clip: Path) -> None:
    page = open_page()
    open_clip(page, small_clip)
    expect(page.get_by_test_id("clips")).to_be_hidden()
    page.get_by_test_id("add-clip").click()
    two = until(page, lambda now: len(now["project"]["clips"]) == 2, "two clips")
    assert two["project"]["selected"] == 1
    expect(page.get_by_test_id("clip-2").locator(".clip-pick")).to_have_attribute("aria-pressed", "true")

    page.get_by_test_id("clip-title").fill("Late winner")
    page.get_by_test_id("clip-freeze").select_option("1500000")
    page.get_by_test_id("clip-slow").select_option("2")
    slowed = until(page, lambda now: now["project"]["clips"][1]["slow"], "slow motion")
    clip = slowed["project"]["clips"][1]
    assert (clip["title"], clip["freeze_us"], clip["slow"]["factor"]) == ("Late winner", 1_500_000, 2)
    assert clip["in_us"] <= clip["slow"]["in_us"] < clip["slow"]["out_us"] <= clip["out_us"]
    expect(page.get_by_test_id("clip-2")).to_contain_text("Late winner")

    page.get_by_test_id("clip-2").get_by_role("button", name="Earlier").click()
    until(page, lambda now: now["project"]["clips"][0]["title"] == "Late winner", "the other order")
    page.get_by_test_id("clip-2").locator(".clip-pick").click()
    until(page, lambda now: now["project"]["selected"] == 1, "the first one chosen")
    expect(page.get_by_test_id("clip-title")).to_have_value("")
    page.get_by_test_id("clip-2").get_by_role("button", name="Remove this clip").click()
    until(page, lambda now: len(now["project"]["clips"]) == 1, "one clip")
    expect(page.get_by_test_id("clips")).to_be_hidden()
    page.get_by_test_id("undo").click()
    until(page, lambda now: len(now["project"]["clips"]) == 2, "two clips again")


def test_m_marks_moments_without_stopping_the_match_and_each_can_be_undone(
    open_page: OpenPage, tmp_path: Path
) -> None:
    frames = [np.full((48, 80, 3), 10 * (number // 25 % 20), np.uint8) for number in range(30 * 25)]
    page = open_page()
    open_clip(page, write_clip(tmp_path / "match.mp4", frames, fps=25, audio=False))
    seek(page, 9.0)
    page.keyboard.press("m")
    ranges = [[1_000_000, 13_000_000], [16_000_000, 28_000_000]]
    cut = until(page, lambda now: now["project"]["clips"][0]["in_us"] > 0, "a clip around the moment")
    assert [[clip["in_us"], clip["out_us"]] for clip in cut["project"]["clips"]] == ranges[:1]
    seek(page, 12.5)
    page.keyboard.press(" ")  # playing stops at the clip's end, unless a moment is marked on the way
    page.keyboard.press("m")
    until(page, lambda now: len(now["project"]["clips"]) == 2, "a second moment")
    page.wait_for_function("() => document.querySelector('[data-testid=video]').currentTime > 13.5")
    page.keyboard.press("Control+z")
    until(page, lambda now: len(now["project"]["clips"]) == 1, "the second undone")
    seek(page, 24.0)
    page.keyboard.press("m")
    two = until(page, lambda now: len(now["project"]["clips"]) == 2, "two moments")
    assert [[clip["in_us"], clip["out_us"]] for clip in two["project"]["clips"]] == ranges
    assert two["project"]["selected"] == 0
    expect(page.get_by_test_id("clip-2")).to_contain_text("12.0 s")
