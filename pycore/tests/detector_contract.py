"""What the detector's shaders must do, against numpy, on any device: natively and in the browser. Each term
is called with a device and a function from RGBA pixels (H, W, 4) to a frame."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from pycore.backends.gpu import Device, Frame
from pycore.detection.gpu import GpuDetector
from pycore.detection.view import Turn, View, around, whole
from pycore.protocol import Rect, Size
from pycore.tracking.appearance import kits
from pycore.tracking.cuts import glimpse
from pycore.tracking.decoding import decode

MakeFrame = Callable[[np.ndarray], Frame]
LONGEST = 1920


class GivenNet:
    """In a net's place: says what it is told to, and keeps the buffers."""

    def __init__(self, device: Device, heat: np.ndarray, box: np.ndarray) -> None:
        self._device = device
        self.heat, self.box = heat, box
        self.picture: Any = None

    def bind(self, picture: Any, heat: Any, box: Any, size: Size) -> Callable[[], Awaitable[None]]:
        self.picture = picture

        async def run() -> None:
            self._device.write_buffer(heat, self.heat.astype("<f4").tobytes())
            self._device.write_buffer(box, self.box.astype("<f4").tobytes())

        return run

    def close(self) -> None:
        pass


def pixels(width: int, height: int, seed: int = 5) -> np.ndarray:
    """Blocks of colour with a little noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (-(-height // 7), -(-width // 5), 4))
    picture = np.kron(coarse, np.ones((7, 5, 1)))[:height, :width]
    picture = np.clip(picture + random.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    picture[..., 3] = 255
    return picture


def shown(rgb: np.ndarray, view: View) -> np.ndarray:
    """The net's input (3, H, W) for a picture (H, W, 3) of RGB 0 to 1, by the definition: means of bilinear
    samples."""
    used, part = view.used, view.part
    step_x, step_y = part.width / used.width, part.height / used.height
    samples = max(1, int(np.ceil(max(step_x, step_y) - 1e-3)))
    offsets = (np.arange(samples) + 0.5) / samples

    def axis(count: int, start: float, step: float) -> np.ndarray:
        return start + (np.arange(count)[:, None] + offsets).ravel() * step - 0.5

    def taps(at: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low = np.floor(at).astype(int)
        return low.clip(0, length - 1), (low + 1).clip(0, length - 1), at - low

    y0, y1, fy = taps(axis(used.height, part.y, step_y), rgb.shape[0])
    x0, x1, fx = taps(axis(used.width, part.x, step_x), rgb.shape[1])
    fx, fy = fx[:, None], fy[:, None, None]
    fine = (rgb[y0][:, x0] * (1 - fx) + rgb[y0][:, x1] * fx) * (1 - fy)
    fine = fine + (rgb[y1][:, x0] * (1 - fx) + rgb[y1][:, x1] * fx) * fy
    mean = fine.reshape(used.height, samples, used.width, samples, 3).mean((1, 3))
    result = np.zeros((3, view.size.height, view.size.width))
    result[:, : used.height, : used.width] = mean.transpose(2, 0, 1)
    return result


def given(size: Size, seed: int = 1, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    rows, columns = size.height // 4, size.width // 4
    heat = random.uniform(0, 1, (1, 2, rows, columns)) ** 6
    if ties:
        heat = np.round(heat * 4) / 4
    box = random.uniform(0.2, 30, (1, 4, rows, columns))
    return heat.astype(np.float32), box.astype(np.float32)


async def look(
    device: Device, make: MakeFrame, picture: np.ndarray, view: View, heat: np.ndarray, box: np.ndarray,
    turn: Turn | None = None, display: Size | None = None,
) -> tuple[Any, np.ndarray]:  # fmt: skip
    height, width, _ = picture.shape
    net = GivenNet(device, heat, box)
    detector = GpuDetector(device, net)
    frame = make(picture)
    size = Size(width, height)
    answer = await detector.show(frame, view, display or size, turn or Turn(size))
    frame.close()
    seen = await answer.seen()
    data = await device.read_buffer(net.picture, 4 * 3 * view.size.width * view.size.height)
    return seen, np.frombuffer(data, "<f4").reshape(3, view.size.height, view.size.width)


async def _agrees(device: Device, make: MakeFrame, view: View, ties: bool = False) -> None:
    picture = pixels(90, 60)
    heat, box = given(view.size, ties=ties)
    seen, made = await look(device, make, picture, view, heat, box)
    wanted = shown(picture[..., :3] / 255, view)
    np.testing.assert_allclose(made, wanted, atol=1 / 250)  # the browser may convert colours on the way
    found = decode(heat, box, view.window)
    for got, want in ((seen.people, found.people), (seen.ball, found.ball)):
        count = len(got.scores)
        assert count == min(len(want.scores), 128 if got is seen.people else 8)
        np.testing.assert_allclose(got.scores, want.scores[:count], atol=1e-6)
        np.testing.assert_allclose(got.boxes, want.boxes[:count], atol=1e-3)
    inside = found.people.boxes[:128] - [view.part.x, view.part.y, 0, 0]
    inside *= [view.window.across, view.window.down] * 2
    np.testing.assert_allclose(seen.people.features, kits(made, inside), atol=0.006)
    np.testing.assert_allclose(
        seen.glimpse, glimpse(made[:, : view.used.height, : view.used.width]), atol=1 / 250
    )


async def a_picture_at_its_own_size(device: Device, make: MakeFrame) -> None:
    await _agrees(device, make, whole(Size(90, 60), LONGEST))


async def a_picture_made_smaller(device: Device, make: MakeFrame) -> None:
    await _agrees(device, make, whole(Size(90, 60), 40))


async def a_picture_made_larger(device: Device, make: MakeFrame) -> None:
    await _agrees(device, make, whole(Size(90, 60), LONGEST, 128))


async def a_window_of_a_picture(device: Device, make: MakeFrame) -> None:
    await _agrees(device, make, around(80, 10, Size(90, 60), Size(32, 32)))


async def equal_neighbours(device: Device, make: MakeFrame) -> None:
    await _agrees(device, make, whole(Size(90, 60), LONGEST), ties=True)


async def pictures_in_flight_do_not_mix(device: Device, make: MakeFrame) -> None:
    """Several are shown before the first one's answer is asked for."""
    view, size = whole(Size(90, 60), LONGEST), Size(90, 60)
    net = GivenNet(device, *given(view.size))
    detector = GpuDetector(device, net)
    answers = []
    for seed in (1, 2, 3):
        net.heat, net.box = given(view.size, seed)
        frame = make(pixels(90, 60, seed))
        answers.append(await detector.show(frame, view, size, Turn(size)))
        frame.close()
    for seed, answer in zip((1, 2, 3), answers, strict=True):
        seen = await answer.seen()
        found = decode(*given(view.size, seed), view.window)
        np.testing.assert_allclose(seen.people.scores, found.people.scores[:128], atol=1e-6)
        np.testing.assert_allclose(seen.people.boxes, found.people.boxes[:128], atol=1e-3)
        wanted = shown(pixels(90, 60, seed)[..., :3] / 255, view)
        np.testing.assert_allclose(seen.glimpse, glimpse(wanted[:, :60, :90]), atol=1 / 250)


async def nothing_to_be_seen(device: Device, make: MakeFrame) -> None:
    view = whole(Size(90, 60), LONGEST)
    heat, box = given(view.size)
    seen, _ = await look(device, make, pixels(90, 60), view, 0.09 * heat, box)
    assert len(seen.people.scores) == len(seen.ball.scores) == 0


async def numbers_that_are_none(device: Device, make: MakeFrame) -> None:
    view = whole(Size(90, 60), LONGEST)
    heat, box = given(view.size)
    box[:, :, ::2] = np.nan
    seen, _ = await look(device, make, pixels(90, 60), view, heat, box)
    assert np.isfinite(seen.people.boxes).all()


async def rotated_video_is_seen_upright(device: Device, make: MakeFrame) -> None:
    upright = pixels(90, 60)
    view = whole(Size(90, 60), LONGEST)
    heat, box = given(view.size)
    for rotation in (90, 180, 270):
        # What is coded is turned clockwise by `rotation` to be shown.
        coded = np.ascontiguousarray(np.rot90(upright, rotation // 90))
        turn = Turn(Size(coded.shape[1], coded.shape[0]), rotation)
        _, made = await look(device, make, coded, view, heat, box, turn, Size(90, 60))
        np.testing.assert_allclose(made, shown(upright[..., :3] / 255, view), atol=1 / 250)


async def wide_pixels_are_seen_as_squares(device: Device, make: MakeFrame) -> None:
    view = View(Rect(0, 0, 180, 60), Size(90, 60), Size(96, 64))
    heat, box = given(view.size)
    picture = pixels(90, 60)
    _, made = await look(device, make, picture, view, heat, box, Turn(Size(90, 60)), Size(180, 60))
    same = whole(Size(90, 60), LONGEST)
    np.testing.assert_allclose(made, shown(picture[..., :3] / 255, same), atol=1 / 250)


CONTRACT = [
    a_picture_at_its_own_size,
    a_picture_made_smaller,
    a_picture_made_larger,
    a_window_of_a_picture,
    equal_neighbours,
    pictures_in_flight_do_not_mix,
    nothing_to_be_seen,
    numbers_that_are_none,
    rotated_video_is_seen_upright,
    wide_pixels_are_seen_as_squares,
]
