"""Everybody can use the page: axe-core finds nothing against WCAG 2.2 AA in its states, light and dark."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from deploy.tooling.paths import CACHE
from e2e import red_net
from e2e.conftest import OpenPage
from e2e.driver import open_clip, until
from e2e.test_players import clip_of

pytestmark = pytest.mark.browser

AXE = CACHE / "assets" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES = ("dark", "light")


def violations(page: Page) -> list[str]:
    """What axe-core finds: rule, element, and why."""
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(
        """async tags => (await axe.run({runOnly: {type: 'tag', values: tags}})).violations
            .flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => ({id, html, failureSummary})))""",
        RULES,
    )
    return [f"{each['id']}: {each['html'][:160]}\n    {each['failureSummary']}" for each in found]


def complaints(page: Page, name: str) -> list[str]:
    """In both themes, once nothing fades any more."""
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_function(
            """theme => matchMedia(`(prefers-color-scheme: ${theme})`).matches && document.getAnimations()
                .every(each => each.playState !== 'running' || !(each instanceof CSSTransition))""",
            arg=theme,
        )
        found += [f"{name}, {theme}: {each}" for each in violations(page)]
    return found


def test_axe_finds_nothing_in_either_theme(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    net = red_net.write(tmp_path / "red.onnx").read_bytes()
    page.context.route("**/models/detector*.onnx", lambda route: route.fulfill(body=net))
    found = complaints(page, "empty")
    open_clip(page, clip_of(tmp_path / "match.mp4", (40, 90, 4), (260, 30, -3)))
    until(page, lambda now: now["estimates"] and now["preview"]["live"], "estimates and a live preview")
    found += complaints(page, "a clip is open")
    page.get_by_test_id("analyse").click()
    until(page, lambda now: len(now["analysis"]["players"]) == 2, "two players")
    page.get_by_test_id("player-1").click()
    page.get_by_test_id("spotlight-ring").click()
    page.get_by_test_id("add-clip").click()
    until(page, lambda now: len(now["project"]["clips"]) == 2, "a second clip")
    found += complaints(page, "a player is chosen, the reel has two clips")
    for opener, name in (
        ("settings-button", "settings"),
        ("status-chip", "who does the work"),
        ("help", "help"),
    ):
        page.get_by_test_id(opener).click()
        found += complaints(page, name)
        page.keyboard.press("Escape")
    assert not found, "\n".join(found)


def test_the_theme_follows_the_system_until_one_is_chosen_and_stays_chosen(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(background)
    assert light != dark
    page.get_by_test_id("settings-button").click()
    page.get_by_test_id("theme").select_option("light")
    assert page.evaluate(background) == light
    page.reload()
    assert page.evaluate(background) == light
    page.get_by_test_id("settings-button").click()
    page.get_by_test_id("theme").select_option("system")
    assert page.evaluate(background) == dark
