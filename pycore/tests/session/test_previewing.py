"""The preview of a session on a real device: what makes it live, what stops it, a device that is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pycore.backends.gpu import OffscreenTarget
from pycore.backends.native_gpu import NativeAdapter, NativeDevice, NativeGpu, PixelFrame
from pycore.protocol import ReelError, Size
from pycore.tests.native import native_device
from pycore.tests.running import run
from pycore.tests.session.real_server import Page

pytestmark = pytest.mark.gpu
NOBODY = "http://127.0.0.1:9"


class RecordingGpu(NativeGpu):
    """Keeps the devices that it gave, so that a test can take them away. `refusal` is raised instead of
    giving one."""

    def __init__(self) -> None:
        super().__init__()
        self.devices: list[NativeDevice] = []
        self.refusal: ReelError | None = None

    async def adapter(self, *, software: bool = False) -> NativeAdapter | None:
        adapter = await super().adapter(software=software)
        assert adapter is not None
        give = adapter.device

        async def device() -> NativeDevice:
            if self.refusal:
                raise self.refusal
            given = await give()
            given.canvas = lambda handle: OffscreenTarget(given)  # type: ignore[method-assign]
            self.devices.append(given)
            return given

        adapter.device = device  # type: ignore[method-assign]
        return adapter


def play(body: Any, tmp_path: Path) -> None:
    async def played() -> None:
        async with native_device():
            pass  # skips, or fails in CI, without an adapter
        gpu = RecordingGpu()
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(b"x")
        async with Page(NOBODY, gpu, server=False) as page:
            await page.do("attach-canvas", {"canvas": "canvas"})
            await page.open(clip, size={"width": 48, "height": 32})
            await body(page, gpu)

    run(played())


async def show(page: Page, time_us: int = 0) -> dict[str, Any]:
    frame = PixelFrame(Size(48, 32), bytes(48 * 32 * 4))
    await page.app.frame(frame, time_us)
    assert frame.closed
    return page.frames[-1]


def test_canvas_medium_and_device_make_the_preview_live(tmp_path: Path) -> None:
    async def body(page: Page, gpu: RecordingGpu) -> None:
        assert not (await show(page))["presented"]
        state = await page.until(lambda state: state.preview.live, "a live preview")
        assert state.preview.message == ""
        await page.do("set-crop", crop={"x": 0, "y": 0, "width": 18, "height": 32})
        shown = await show(page, 33_000)
        assert (shown["presented"], shown["time_us"]) == (True, 33_000)
        assert (shown["width"], shown["height"]) == (36, 64)
        await page.do("set-aspect", aspect="16:9")
        shown = await show(page)
        crop = page.state.project.clips[0].crop  # type: ignore[union-attr]
        assert (shown["width"], shown["height"]) == (2 * round(crop.width), 2 * round(crop.height))
        await page.do("close-media")
        assert not page.state.preview.live
        assert not (await show(page))["presented"]

    play(body, tmp_path)


def test_a_frame_that_comes_while_one_is_drawn_is_dropped(tmp_path: Path) -> None:
    async def body(page: Page, gpu: RecordingGpu) -> None:
        await page.until(lambda state: state.preview.live, "a live preview")
        drawing, gate = asyncio.Event(), asyncio.Event()

        async def done() -> None:
            drawing.set()
            await gate.wait()

        gpu.devices[0].done = done  # type: ignore[method-assign]
        first = asyncio.create_task(show(page, 1))
        await drawing.wait()
        await show(page, 2)
        gate.set()
        await first
        assert {frame["time_us"]: frame["presented"] for frame in page.frames} == {1: True, 2: False}

    play(body, tmp_path)


def test_a_lost_device_is_replaced_once(tmp_path: Path) -> None:
    async def body(page: Page, gpu: RecordingGpu) -> None:
        await page.until(lambda state: state.preview.live, "a live preview")
        assert (await show(page))["presented"]
        gpu.devices[0].destroy()
        await page.hear(lambda page: page.notices and page.state.preview.live, "a new device")
        assert page.notices[0]["code"] == "gpu.lost"
        assert "anew" in page.notices[0]["hint"]
        assert len(gpu.devices) == 2
        assert (await show(page))["presented"]

        gpu.devices[1].destroy()
        state = await page.until(lambda state: not state.preview.live, "the end of the preview")
        assert "lost twice" in state.preview.message
        await page.hear(lambda page: len(page.notices) == 2, "a second notice")
        assert len(gpu.devices) == 2
        assert not (await show(page))["presented"]
        await page.do("set-aspect", aspect="1:1")  # the rest goes on

    play(body, tmp_path)


def test_frames_that_fail_are_told_once_and_end_the_preview(tmp_path: Path) -> None:
    async def body(page: Page, gpu: RecordingGpu) -> None:
        await page.until(lambda state: state.preview.live, "a live preview")
        assert (await show(page))["presented"]

        def refuse(*_: Any) -> None:
            raise RuntimeError("driver says no")

        gpu.devices[0].submit = refuse  # type: ignore[method-assign]
        for _ in range(3):
            assert page.state.preview.live
            assert not (await show(page))["presented"]
        await page.until(lambda state: not state.preview.live, "the end of the preview")
        assert "failed several times" in page.state.preview.message
        (notice,) = page.notices
        assert "driver says no" in notice["detail"]

    play(body, tmp_path)


def test_an_adapter_that_gives_no_device_counts_as_none(tmp_path: Path) -> None:
    async def played() -> None:
        async with native_device():
            pass
        gpu = RecordingGpu()
        gpu.refusal = ReelError.of("gpu.device", "The GPU gave no device", "out of memory")
        async with Page(NOBODY, gpu, server=False) as page:
            state = await page.until(lambda state: state.capability, "a capability")
            assert state.capability is not None
            assert state.capability.level == "none"
            assert "out of memory" in state.preview.message
            assert [notice["code"] for notice in page.notices] == ["gpu.device"]

    run(played())
