"""A preview net in the real page: it takes over from the scaler that draws the first frame."""

from pathlib import Path

import numpy as np
import pytest

from e2e.conftest import OpenPage
from e2e.driver import open_clip, pixels, seek, state, until

pytestmark = pytest.mark.browser


def shown(open_page: OpenPage, clip: Path, query: str, tier: str) -> np.ndarray:
    page = open_page(query=query)
    open_clip(page, clip)
    until(page, lambda now: now["capability"] and now["capability"]["tier"] == tier, f"tier {tier}")
    until(page, lambda now: now["preview"]["live"], "a live preview")
    seek(page, 0.2)
    page.evaluate("globalThis.reelballers.settled()")
    picture = pixels(page, "reel-canvas").astype(int)
    assert state(page)["capability"]["tier"] == tier
    return picture


def test_a_net_draws_when_it_is_asked_for(open_page: OpenPage, small_clip: Path) -> None:
    """Software is too slow for nets, so that without asking the scaler stays."""
    base = shown(open_page, small_clip, "?adapter=software", "base")
    net = shown(open_page, small_clip, "?adapter=software&tier=s", "S")
    assert net.shape == base.shape
    difference = np.abs(net - base)
    assert difference.max() > 8  # another upscaler
    assert difference.mean() < 6  # of the same picture
