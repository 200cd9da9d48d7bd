"""A reel of several clips in the page: added, chosen, moved, titled, removed, undone, and exported as one."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from e2e.conftest import OpenPage
from e2e.driver import open_clip, until

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
