"""How good other people's upscalers for the browser are, beside the preview's nets, by the protocol of
`reelballers evaluate upscaler`, on the same frames in the same run. Their own code runs in this machine's
Chromium, on its GPU or, with --software, without one: what comes out is the same, only slowly. Nothing of
them is part of the project.

    python3 build.py bench --quality FOLDER

fetches them and runs this. They take RGB and are given the decoded luma as grey, full range, in 8 bits (all
that 219 steps need); of what they give, BT.709 luma counts: from floats (Anime4K), or from the canvas's 8
bits (WebSR).
"""

import argparse
import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from deploy.tooling.bench import LINUX_GPU
from deploy.tooling.browser import SANDBOX, SOFTWARE_WEBGPU, chromium
from pycore.tests.serving import served
from server.evaluate.upscaler import MODELS, NETS, net_of, row
from server.training.evaluate import Score, Upscaler, judge, on_arrays, pictures, references

ROOT = Path(__file__).parents[2]
PEERS = ("Anime4K CNNx2M", "Anime4K CNNx2VL", "Anime4K CNNx2UL", "WebSR S", "WebSR M", "WebSR L")
SLOWEST_MS = 600_000
"""A frame of 960x540 by the largest of them takes a software adapter a minute on a busy machine."""


def peer(page: Page, name: str) -> Upscaler:
    """That peer's net as what `judge` takes."""

    def double(low: np.ndarray) -> np.ndarray:
        height, width = low.shape
        grey = np.rint(low.clip(0, 1) * 255).astype(np.uint8)
        asked = {
            "name": name,
            "width": width,
            "height": height,
            "pixels": b64encode(grey.tobytes()).decode(),
        }
        answer = page.evaluate("(asked) => globalThis.doubled(asked)", asked)
        luma = np.frombuffer(b64decode(answer), np.uint16).astype(np.float32) / 65535
        return luma.reshape(2 * height, 2 * width)

    return on_arrays(double)


def measured(
    folder: Path, packages: Path, models: Path, crf: float, *, software: bool
) -> dict[str, dict[str, float]]:
    """By upscaler, the figures of `reelballers evaluate upscaler`. `packages`: where the peers' lie;
    `models`: our weights."""
    found = pictures(folder)
    if not found:
        sys.exit(f"'{folder}' holds no pictures.")
    program = chromium()
    if program is None:
        sys.exit("There is no Chromium here.")
    scores: dict[str, list[list[Score]]] = {}
    with (
        served(ROOT / "dist", peers=packages, harness=Path(__file__).parent) as address,
        sync_playwright() as playwright,
    ):
        gpu = SOFTWARE_WEBGPU if software else LINUX_GPU
        browser = playwright.chromium.launch(executable_path=program, args=[*gpu, *SANDBOX])
        page = browser.new_page()
        page.set_default_timeout(SLOWEST_MS)
        page.goto(f"{address}harness/index.html")
        page.locator("html[data-ready]").wait_for()
        print(f"On {page.evaluate('() => globalThis.load()')}", file=sys.stderr)
        upscalers = {
            **references(),
            **{f"net {name}": net_of(models / f"{name}.safetensors") for name in NETS},
            **{name: peer(page, name) for name in PEERS},
        }
        for number, path in enumerate(found, 1):
            print(f"{number}/{len(found)} {path.name}", file=sys.stderr, flush=True)
            for name, pair in judge(path, crf, upscalers).items():
                scores.setdefault(name, []).append(pair)
        browser.close()
    return {name: row(pairs, scores["lanczos"]) for name, pairs in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peers", type=Path, required=True, help="where their packages lie")
    parser.add_argument("--crf", type=float, default=23.0)
    parser.add_argument("--models", type=Path, default=MODELS, help="our weight files")
    parser.add_argument("--software", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = measured(given.folder, given.peers, given.models, given.crf, software=given.software)
    if given.json:
        print(json.dumps({"crf": given.crf, "results": rows}, indent=1))
        return
    print("| | Y-PSNR, mean of I and P | over Lanczos | SSIM | over Lanczos |\n|---|---|---|---|---|")
    for name, each in rows.items():
        psnr = f"{each['psnr']:.2f} | {each['psnr_gain']:+.3f} dB"
        print(f"| {name} | {psnr} | {each['ssim']:.4f} | {each['ssim_gain']:+.4f} |")


if __name__ == "__main__":
    main()
