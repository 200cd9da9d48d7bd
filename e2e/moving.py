"""What tests of moving crops do with the page: tracks that are there already, where the crop is, and pictures
made comparable."""

from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from e2e.driver import open_clip, until

KEEP = """([name, text]) => new Promise((done, failed) => {
    const opening = indexedDB.open('reelballers', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('texts');
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
        const put = opening.result.transaction('texts', 'readwrite').objectStore('texts').put(text, name);
        put.onsuccess = () => (opening.result.close(), done());
        put.onerror = () => failed(put.error);
    };
})"""


def command(page: Page, name: str, **fields: object) -> None:
    page.evaluate("([name, fields]) => globalThis.reelballers.command(name, fields)", [name, fields])


def open_analysed(page: Page, path: Path, tracks: str) -> None:
    """Opens the clip with its tracks (an encoded Tracking) already found, as one does on the second day."""
    media = open_clip(page, path)["project"]["clips"][0]["media"]
    size = media["size"]
    name = f"tracks:{media['name']}|{media['bytes']}|{size['width']}x{size['height']}|{media['duration_us']}"
    page.evaluate(KEEP, [name, tracks])
    command(page, "close-media")
    until(page, lambda now: not now["project"], "a closed clip")
    open_clip(page, path)
    until(page, lambda now: now["analysis"]["players"], "the players found before")


def reduced(picture: np.ndarray, width: int) -> np.ndarray:
    """Averaged to so many columns, of the picture's own shape."""
    height = round(width * picture.shape[0] / picture.shape[1])
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX)).astype(float)


def crop_height(page: Page) -> float:
    """The crop frame's height, as a share of the picture's."""
    return page.get_by_test_id("crop-frame").evaluate("frame => parseFloat(frame.style.height) / 100")
