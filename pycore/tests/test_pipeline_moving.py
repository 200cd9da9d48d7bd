"""A crop that moves, and a spotlight, through the whole pipeline."""

import numpy as np
import pytest

from pycore.framing.path import Path
from pycore.protocol import PathPoint, Rect, Size, Spotlight, SpotlightStyle
from pycore.spotlight.drawing import draw
from pycore.spotlight.mark import Marker
from pycore.tests import golden, reference
from pycore.tests.test_pipeline import SIZE, Scene, assert_shows, frame, play

pytestmark = pytest.mark.gpu

PATH = Path([PathPoint(0, Rect(2, 3, 12, 10)), PathPoint(1_000_000, Rect(10, 3, 12, 10))])
FLAT = np.full((30, 40, 4), 128, np.uint8)


def test_the_crop_is_where_the_path_is_at_the_frames_time() -> None:
    whole = reference.picture(golden.noise(40, 30), (0, 0, 40, 30)).astype(int)

    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 12, 10), PATH)
        for time_us, x in ((0, 2), (500_000, 6), (1_000_000, 10), (9_000_000, 10)):
            shown = await scene.pipeline.render(frame(), time_us)
            assert (shown.width, shown.height) == (24, 20)
            # A piece of the whole picture: unlike a crop that stands, its edge sees what is beyond.
            wanted = whole[2 * 3 : 2 * 13, 2 * x : 2 * (x + 12)]
            assert np.abs(await scene.picture() - wanted).max() <= 1, time_us

    play(body)


def test_between_pixels_the_picture_lies_between() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        ramp = np.full((30, 40, 4), 255, np.uint8)
        ramp[..., :3] = (np.arange(40) * 6)[None, :, None]
        scene.pipeline.set_crop(Rect(0, 0, 12, 10), PATH)
        levels: list[float] = []
        for time_us in (400_000, 450_000, 500_000, 550_000):  # 0.4 pixels apart
            await scene.pipeline.render(frame(ramp), time_us)
            levels.append(float((await scene.picture())[5:15, 6:18].mean()))
        assert np.diff(levels) == pytest.approx([2.4] * 3, abs=1.0)  # canvases are of 8 bits

    play(body)


def test_nothing_is_made_anew_while_the_crop_moves() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 12, 10), PATH)
        await scene.pipeline.render(frame(), 0)
        texture = scene.target.texture
        await scene.pipeline.render(frame(), 300_000)
        assert scene.target.texture is texture

    play(body)


def test_a_spotlight_comes_and_goes() -> None:
    async def body(scene: Scene) -> None:
        marker = Marker(
            Spotlight(SpotlightStyle.DIM, "Ana"),
            [PathPoint(0, Rect(14, 8, 6, 14)), PathPoint(1_000_000, Rect(14, 8, 0, 0))],
        )
        crop = Rect(5, 2, 30, 26)
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(crop, None, marker)
        await scene.pipeline.render(frame(FLAT), 0)
        mark = marker.mark(0, crop)
        assert mark is not None
        wanted = draw(np.full((52, 60, 3), 128 / 255), crop, mark)
        assert np.abs(await scene.picture() / 255 - wanted).max() < 1.1 / 255
        await scene.pipeline.render(frame(), 1_500_000)
        assert_shows(await scene.picture(), (5, 2, 30, 26), 0.0, 0.4)
        scene.pipeline.set_crop(crop)
        await scene.pipeline.render(frame(), 0)
        assert_shows(await scene.picture(), (5, 2, 30, 26), 0.0, 0.4)

    play(body)


def test_the_divider_stands_where_it_is_on_the_canvas() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 12, 10), PATH)
        scene.pipeline.set_look(0.5, 1.0)
        await scene.pipeline.render(frame(), 500_000)
        split = await scene.picture()
        for share, half in ((0.0, np.s_[:, 14:]), (1.0, np.s_[:, :10])):
            scene.pipeline.set_look(share, 1.0)
            await scene.pipeline.render(frame(), 500_000)
            assert np.abs(split[half] - (await scene.picture())[half]).max() <= 1

    play(body)


def test_a_zoom_keeps_the_canvas() -> None:
    async def body(scene: Scene) -> None:
        zoom = Path([PathPoint(0, Rect(2, 3, 12, 10)), PathPoint(1_000_000, Rect(2, 3, 24, 20))])
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 12, 10), zoom)
        for time_us in (0, 300_000, 1_000_000):
            shown = await scene.pipeline.render(frame(), time_us)
            assert Size(shown.width, shown.height) == Size(48, 40)
            assert np.ptp(await scene.picture()) > 50

    play(body)


@pytest.mark.parametrize("size", [Size(48, 40), Size(10, 8), Size(30, 12)], ids=str)
def test_a_canvas_of_another_size_shows_the_same_picture_resampled(size: Size) -> None:
    """Enlarged, reduced without aliasing, and both."""
    doubled = reference.picture(golden.noise(40, 30), (4, 6, 12, 10)) / 255
    step = 24 / size.width, 20 / size.height
    wanted = np.rint(reference.place(doubled, (0.0, 0.0), step, (size.width, size.height)) * 255)

    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(4, 6, 12, 10))
        scene.pipeline.set_output(size)
        captured: list[Size] = []
        shown = await scene.pipeline.render(frame(), 0, lambda: captured.append(scene.target.texture.size))
        assert (shown.width, shown.height) == (size.width, size.height)
        assert captured == [size]
        assert np.abs(await scene.picture() - wanted).max() <= 2

    play(body)
