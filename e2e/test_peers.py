"""The peers' quality beside ours, with their real packages from npm."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deploy.tooling import peers
from deploy.tooling.paths import CACHE
from e2e.peers.quality import MODELS, NETS, PEERS, measured

pytestmark = [pytest.mark.browser, pytest.mark.full]


def test_every_peer_is_judged_on_the_same_frames_as_our_nets(tmp_path: Path) -> None:
    """A picture of slanted edges: bicubic shifted by half a pixel of the result loses 4.2 dB there, by a
    whole one 8.7. Not shifted, the smallest peer is 0.66 dB behind bicubic, for it blurs these edges."""
    y, x = np.mgrid[0:128, 0:160]
    wave = np.tanh(3 * np.sin((x + 0.6 * y) / 5)) + np.tanh(3 * np.sin((y - 0.3 * x) / 7))
    Image.fromarray(np.rint(128 + 45 * wave).astype(np.uint8)).save(tmp_path / "edges.png")
    rows = measured(tmp_path, peers.fetch(CACHE / "peers"), MODELS, crf=18, software=True)
    assert set(rows) == {"bicubic", "lanczos", *(f"net {name}" for name in NETS), *PEERS}
    assert rows["lanczos"]["psnr_gain"] == 0
    for name in PEERS:
        assert rows[name]["psnr"] > rows["bicubic"]["psnr"] - 1.5, name
