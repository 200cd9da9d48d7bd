"""Frames through the whole pipeline, natively, and the setters' rules."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
import wgpu

from pycore.backends.gpu import BufferUsage, OffscreenTarget
from pycore.backends.native_gpu import WEB, NativeDevice, PixelFrame
from pycore.pipeline import Pipeline
from pycore.protocol import Rect, ReelError, Size, Tier
from pycore.tests import golden, reference
from pycore.tests.native import native_device
from pycore.tests.running import run
from pycore.upscaler import tiers
from pycore.upscaler.weights import Conv, parse

pytestmark = pytest.mark.gpu

FRAME = golden.noise(40, 30)
SIZE = Size(40, 30)


def frame(pixels: np.ndarray = FRAME) -> PixelFrame:
    return PixelFrame(Size(pixels.shape[1], pixels.shape[0]), pixels.tobytes())


class Scene:
    """A pipeline on an offscreen canvas."""

    def __init__(self, device: NativeDevice) -> None:
        self.device = device
        self.target = OffscreenTarget(device)
        self.pipeline = Pipeline(device, self.target)

    async def picture(self) -> np.ndarray:
        size = self.target.texture.size
        pixels = await self.device.read_texture(self.target.texture)
        return np.frombuffer(pixels, np.uint8).reshape(size.height, size.width, 4)[..., :3].astype(int)


def play(body: Callable[[Scene], Awaitable[None]]) -> None:
    async def played() -> None:
        async with native_device() as device:
            await body(Scene(device))

    run(played())


def assert_shows(
    picture: np.ndarray, crop: tuple[int, int, int, int], split: float, sharpness: float
) -> None:
    wanted = reference.picture(FRAME, crop, split, sharpness).astype(int)
    assert picture.shape == wanted.shape
    assert np.abs(picture - wanted).max() <= 1  # rounding


def test_a_frame_is_cropped_doubled_and_presented() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(3.4, 5.6, 17.2, 12.9))
        scene.pipeline.set_look(split=0.25, sharpness=0.7)
        shown = await scene.pipeline.render(given := frame(), 40_000)
        assert (shown.time_us, shown.presented, shown.width, shown.height) == (40_000, True, 34, 26)
        assert shown.gpu_ms > 0
        assert shown.cpu_ms > 0
        assert given.closed
        assert_shows(await scene.picture(), (3, 6, 17, 13), 0.25, 0.7)

    play(body)


def test_a_crop_set_while_shaders_are_compiled_is_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        load = scene.device.load_shader

        async def meanwhile(name: str) -> str:  # a browser fetches shaders, and the page goes on
            scene.pipeline.set_crop(Rect(4, 6, 16, 12))
            return await load(name)

        monkeypatch.setattr(scene.device, "load_shader", meanwhile)
        await scene.pipeline.render(frame(), 0)
        await scene.pipeline.render(frame(), 40_000)
        assert_shows(await scene.picture(), (4, 6, 16, 12), 0, 0.4)

    play(body)


def test_crop_and_look_take_effect_with_the_next_frame() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        for crop, split in (((0, 0, 40, 30), 0.0), ((8, 2, 32, 28), 0.5), ((7, 1, 32, 28), 1.0)):
            scene.pipeline.set_crop(Rect(*crop))
            scene.pipeline.set_look(split, 0.0)
            await scene.pipeline.render(frame(), 0)
            assert_shows(await scene.picture(), crop, split, 0.0)

    play(body)


def test_nothing_is_made_anew_while_the_crop_keeps_its_size() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        await scene.pipeline.render(frame(), 0)
        texture = scene.target.texture
        scene.pipeline.set_crop(Rect(5, 5, 20, 20))
        await scene.pipeline.render(frame(), 0)
        assert scene.target.texture is texture
        scene.pipeline.set_crop(Rect(5, 5, 22, 20))
        await scene.pipeline.render(frame(), 0)
        assert scene.target.texture is not texture

    play(body)


def test_a_frame_before_the_crop_is_closed_and_dropped() -> None:
    async def body(scene: Scene) -> None:
        assert not (await scene.pipeline.render(early := frame(), 7)).presented
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        scene.pipeline.set_source(Size(20, 20))  # another clip: the old crop is not its
        assert not (await scene.pipeline.render(late := frame(), 8)).presented
        assert early.closed
        assert late.closed

    play(body)


def test_one_frame_in_flight() -> None:
    async def body(scene: Scene) -> None:
        gate = asyncio.Event()

        async def wait_for_the_gate() -> None:
            await gate.wait()

        scene.device.done = wait_for_the_gate  # type: ignore[method-assign]
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        first = asyncio.create_task(scene.pipeline.render(frame(), 1))
        second = asyncio.create_task(scene.pipeline.render(dropped := frame(), 2))
        await asyncio.sleep(0)  # lets both start
        gate.set()
        assert (await first).presented
        assert not (await second).presented
        assert dropped.closed

    play(body)


def test_a_frame_that_fails_is_closed_and_the_next_one_works() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        broken = PixelFrame(SIZE, b"too short")
        with pytest.raises((ValueError, wgpu.GPUError)):
            await scene.pipeline.render(broken, 0)
        assert broken.closed
        assert (await scene.pipeline.render(frame(), 1)).presented

    play(body)


def test_what_the_gpu_reports_is_raised() -> None:
    async def body(scene: Scene) -> None:
        scene.device.take_error = lambda: "out of memory"  # type: ignore[method-assign]
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        with pytest.raises(ReelError, match="out of memory"):
            await scene.pipeline.render(frame(), 0)

    play(body)


def test_a_crop_needs_a_source_and_must_fit_the_gpu() -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(ReelError, match="No clip"):
            scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        side = scene.device.facts.max_texture_side
        scene.pipeline.set_source(Size(side, side))
        scene.pipeline.set_crop(Rect(0, 0, side // 2, 16))
        with pytest.raises(ReelError) as caught:
            scene.pipeline.set_crop(Rect(0, 0, side // 2 + 1, 16))
        assert caught.value.problem.code == "preview.crop-too-large"

    play(body)


def test_closing_frees_the_device_and_drops_what_still_comes() -> None:
    async def body(scene: Scene) -> None:
        lost = asyncio.ensure_future(scene.pipeline.lost)
        scene.pipeline.close()
        assert await lost == "destroyed"
        assert not (await scene.pipeline.render(late := frame(), 0)).presented
        assert late.closed

    play(body)


def net(name: str) -> list[Conv]:
    return parse((WEB / "models" / f"{name}.safetensors").read_bytes(), name)


def test_a_forced_net_draws_from_the_next_frame_on() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(3, 6, 17, 13))
        scene.pipeline.set_look(0.25, 0.7)
        assert (await scene.pipeline.render(frame(), 0)).presented
        assert scene.pipeline.tier is Tier.BASE
        before = await scene.picture()
        await scene.pipeline.improve(Tier.M)
        assert scene.pipeline.tier is Tier.M
        # A net's buffers follow the crop's size too, and the last one to each border.
        for crop in ((3, 6, 17, 13), (0, 0, 40, 30), (23, 17, 17, 13), (0, 0, 9, 11)):
            scene.pipeline.set_crop(Rect(*crop))
            assert (await scene.pipeline.render(frame(), 0)).presented
            # Nets are sharpened by what goes beyond 0.4, on the scale that is left.
            wanted = reference.picture(FRAME, crop, 0.25, 0.5, net("m")).astype(int)
            # One for rounding; one more where halves between layers tip it.
            assert np.abs(await scene.picture() - wanted).max() <= 2
            if crop[2:] == (17, 13):
                assert np.abs(before - wanted).max() > 5

    play(body)


def test_a_net_is_not_sharpened_by_default() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(3, 6, 17, 13))
        await scene.pipeline.improve(Tier.S)
        pictures = []
        for sharpness in (0.0, 0.4, 0.6):
            scene.pipeline.set_look(0.0, sharpness)
            await scene.pipeline.render(frame(), 0)
            pictures.append(await scene.picture())
        assert np.array_equal(pictures[0], pictures[1])
        assert not np.array_equal(pictures[1], pictures[2])

    play(body)


def test_frames_are_drawn_while_a_net_is_made_ready() -> None:
    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        loading, loaded = asyncio.Event(), asyncio.Event()
        load = scene.device.load_model

        async def slowly(name: str) -> bytes:
            loading.set()
            await loaded.wait()
            return await load(name)

        scene.device.load_model = slowly  # type: ignore[method-assign]
        improving = asyncio.create_task(scene.pipeline.improve(Tier.S))
        await loading.wait()
        assert (await scene.pipeline.render(frame(), 0)).presented
        assert scene.pipeline.tier is Tier.BASE
        loaded.set()
        await improving
        assert scene.pipeline.tier is Tier.S

    play(body)


def test_the_largest_net_that_is_fast_enough_for_the_crop_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Milliseconds for 640x360 of S, M and L; the budget is 5.6. So M does up to twice as many pixels."""
    took = iter([1.0, 2.7, 5.7])

    async def measured(*_: object) -> float:
        return next(took)

    monkeypatch.setattr(tiers, "measure", measured)

    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(Size(1920, 1080))
        await scene.pipeline.improve()
        found = []
        for size in ((640, 360), (640, 720), (660, 720), (1280, 720), (1920, 1080)):
            scene.pipeline.set_crop(Rect(0, 0, *size))
            found.append(scene.pipeline.tier)
        assert found == [Tier.M, Tier.M, Tier.S, Tier.S, Tier.BASE]

    play(body)


def test_a_slow_gpu_keeps_the_base_tier() -> None:
    """lavapipe really is measured here, and too slow."""

    async def body(scene: Scene) -> None:
        scene.pipeline.set_source(SIZE)
        scene.pipeline.set_crop(Rect(0, 0, 20, 20))
        await scene.pipeline.improve()
        assert scene.pipeline.tier is Tier.BASE
        assert (await scene.pipeline.render(frame(), 0)).presented

    play(body)


def test_a_net_that_is_left_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(*_: object) -> float:
        return 5.0  # every net does 640x360, none does more than 720x360

    monkeypatch.setattr(tiers, "measure", measured)

    async def body(scene: Scene) -> None:
        kept: dict[int, int] = {}
        create, free = scene.device.create_buffer, scene.device.free_buffer

        def create_buffer(size: int, usage: BufferUsage) -> object:
            buffer = create(size, usage)
            kept[id(buffer)] = size
            return buffer

        def free_buffer(buffer: object) -> None:
            del kept[id(buffer)]
            free(buffer)

        scene.device.create_buffer = create_buffer  # type: ignore[method-assign]
        scene.device.free_buffer = free_buffer  # type: ignore[method-assign]
        scene.pipeline.set_source(Size(800, 400))
        await scene.pipeline.improve()
        used = []
        for width in (800, 20, 800):
            scene.pipeline.set_crop(Rect(0, 0, width, 400))
            await scene.pipeline.render(frame(), 0)
            used.append((scene.pipeline.tier, sum(kept.values())))
        assert [tier for tier, _ in used] == [Tier.BASE, Tier.L, Tier.BASE]
        assert used[0] == used[2]

    play(body)
