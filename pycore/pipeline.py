"""A video frame's way to the canvas. Read this first.

    page: <video> -> VideoFrame -> worker -> app -> Pipeline.render(frame)
        frame_binder    the VideoFrame as an external texture: no copy, already RGB in the canvas's colours
        ingest          the crop's whole pixels -> Y, Cb, Cr                     (web/shaders/ingest.wgsl)
        lanczos3        Y at twice the size
        conv...         a net's layers; the last adds its correction to that     (conv_*.wgsl, cells_*.wgsl)
        compose         colours back, sharpening, before|after -> the canvas     (compose.wgsl)
        place           with a moving crop, a spotlight or another size: compose draws on a texture, and this
                        lays it on the canvas, and draws the spotlight           (place.wgsl, spotlight.wgsl)
        frame.close()   at once after the one submit, whatever happened
        done()          then the page hears that it is presented, and sends the next

Per frame this makes one encoder, one submit and two bind groups (an external texture and a canvas's texture
live for one frame only); everything else is made when the crop's size changes. Only the crop is computed, so
cost follows the crop and not the frame.
"""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from pycore.backends.gpu import Device, Frame, FrameKind, GpuBackend
from pycore.backends.host import Store
from pycore.capability import assess
from pycore.framing.path import Path
from pycore.protocol import Capability, FramePresented, Rect, ReelError, Size, Tier
from pycore.shaders import ShaderManager
from pycore.showing import Shot, Showing
from pycore.spotlight.mark import Marker
from pycore.upscaler.benchmark import measure
from pycore.upscaler.look import LANCZOS_SHARPNESS
from pycore.upscaler.placer import Placer
from pycore.upscaler.plan import plan_for
from pycore.upscaler.tiers import Tiers
from pycore.upscaler.upscaler import SCALE


class Pipeline:
    """Draws video frames, upscaled, on one canvas. Setters take effect with the next frame; a change of the
    crop's place or of the look costs 32 bytes to the GPU, a change of its size new textures."""

    def __init__(self, device: Device, canvas: Any, store: Store | None = None, lower: int = 0) -> None:
        """`canvas`: the platform's (see Device.canvas). `store`: where tuned kernels are kept. `lower`: how
        many tiers to stay below the one that is fast enough."""
        self.canvas = device.canvas(canvas)
        self._device = device
        self._tiers = Tiers(device, self.canvas.format, store, lower)
        self._placer = Placer(device, ShaderManager(device), self.canvas)
        self._busy = False
        self._closed = False
        self._placed = False
        self._source: Size | None = None
        self._shot: Shot | None = None
        self._output: Size | None = None
        self._split = 0.0
        self._sharpness = LANCZOS_SHARPNESS
        self._showing: Showing | None = None

    @property
    def lost(self) -> Awaitable[str]:
        """Resolves with the reason when the device is gone; this pipeline is of no use then."""
        return self._device.lost

    def set_source(self, size: Size) -> None:
        """The source's display size in pixels. Forgets crop, path and spotlight."""
        self._source = size
        self._shot = self._showing = None

    def set_crop(self, rect: Rect, path: Path | None = None, marker: Marker | None = None) -> None:
        """What is shown, in display pixels: `rect`, snapped to whole pixels inside the source, or, where the
        path moves, each frame the box of its time. `marker`: the spotlight.

        Raises ReelError "preview.no-source" before `set_source`, "preview.crop-too-large" when the canvas
        would exceed what the GPU can draw (the old crop stays then).
        """
        if self._source is None:
            raise ReelError.of(
                "preview.no-source", "No clip is open", "A crop was set before the source's size."
            )
        shot = Shot(self._source, rect, path, marker)
        side, window = self._device.facts.max_texture_side, shot.window
        if max(window.width, window.height) * SCALE > side:
            raise ReelError.of(
                "preview.crop-too-large",
                "The frame is too large for a live preview on this GPU",
                f"{window.width}x{window.height} doubled is more than the {side} pixels a side that this GPU "
                "draws.",
                "Make the frame smaller; an export is not affected.",
            )
        self._shot, self._showing = shot, None

    def set_look(self, split: float, sharpness: float) -> None:
        """`split`: 0 to 1, share of the canvas's width, from the left, that shows the source enlarged
        bilinearly, for comparison. `sharpness`: 0 (Lanczos as it is) to 1; nets are left as they are up to
        0.4."""
        self._split = min(max(split, 0.0), 1.0)
        self._sharpness = min(max(sharpness, 0.0), 1.0)
        self._showing = None

    def set_output(self, size: Size | None) -> None:
        """The canvas's size, whatever the crop's is; None: twice the crop's."""
        self._output = size
        self._showing = None

    async def prepare(self) -> None:
        """Compiles the base tier's shaders; the first `render` does it otherwise. Raises ReelError (see
        ShaderManager)."""
        await self._tiers.prepare_base()

    async def improve(self, tier: Tier | None = None) -> None:
        """Measures the nets; frames are drawn with the largest that is fast enough from then on. With a
        `tier`, that one is used unmeasured. Frames may be drawn meanwhile. Raises ReelError when a model or a
        shader cannot be had."""
        await self.prepare()
        await (self._tiers.measure_nets() if tier is None else self._tiers.force(tier))

    @property
    def untuned(self) -> bool:
        """Whether `tune` would do something."""
        return self._shot is not None and self._tiers.untuned(self._shot.window)

    async def tune(self) -> None:
        """Finds the kernels that this GPU computes the present tier fastest with, at the crop's size, and
        draws with them from then on. Frames may be drawn meanwhile. Raises ReelError (see tuner.tune)."""
        if self._shot is not None:
            await self._tiers.tune(self._shot.window)

    @property
    def tier(self) -> Tier:
        """The tier of the next frame."""
        return Tier.BASE if self._shot is None else self._tiers.best(self._shot.window)

    async def render(
        self, frame: Frame, time_us: int, drawn: Callable[[], None] = lambda: None
    ) -> FramePresented:
        """Draws `frame` and closes it. Dropped (`presented` false) when the last is still under way, or
        nothing says what to show. `drawn` is called in the turn in which the canvas gets the picture: a
        browser's canvas can be captured in that turn alone.

        Raises ReelError "gpu.failed" when the GPU reported an error, and what `prepare` raises.
        """
        if self._busy or self._closed or self._shot is None:
            frame.close()
            return FramePresented(time_us, presented=False)
        self._busy = True
        try:
            return await self._render(self._shot, frame, time_us, drawn)
        finally:
            self._busy = False

    async def _render(
        self, shot: Shot, frame: Frame, time_us: int, drawn: Callable[[], None]
    ) -> FramePresented:
        try:
            await self.prepare()
            shot = self._shot or shot  # another crop may have been set while shaders were compiled
            started = perf_counter()
            if self._showing is None:
                self._showing = Showing(shot, self._output, self._split, self._sharpness)
            showing = self._showing
            placing = showing.placing(time_us)
            if placing is not None:
                await self._placer.prepare()
            elif self._placed:
                self._placer.rest()
            self._placed = placing is not None
            tier = self._tiers.best(shot.window)
            upscaler = self._tiers.use(tier)
            look = showing.look(placing, net=tier is not Tier.BASE)
            upscaler.show(look, self.canvas if placing is None else self._placer.window)
            steps = upscaler.steps(frame)
            if placing is not None:
                self._placer.show(placing)
                steps.append(self._placer.step())
            self._device.submit(steps)
            drawn()
        finally:
            frame.close()
        submitted = perf_counter()
        await self._device.done()
        finished = perf_counter()
        self._tiers.felt((finished - submitted) * 1000, finished)
        if error := self._device.take_error():
            hint = "Reload the page; export through the server is not affected."
            raise ReelError.of("gpu.failed", "The GPU could not draw a frame", error, hint, status=500)
        return FramePresented(
            time_us,
            presented=True,
            gpu_ms=(finished - submitted) * 1000,
            cpu_ms=(submitted - started) * 1000,
            width=showing.canvas.width,
            height=showing.canvas.height,
        )

    def close(self) -> None:
        """Frees the device and everything on it. Frames that still come are closed and dropped."""
        self._closed = True
        self._device.destroy()


async def detect(backend: GpuBackend, *, force_software: bool = False) -> tuple[Capability, Device | None]:
    """What this machine can do, and the device to do it with (None when it counts as having none).

    `force_software`: the page was opened with ?adapter=software; a software adapter is used and not measured,
    for it is far too slow to be. Raises ReelError when an adapter is there but gives no device, or does not
    take our shaders.
    """
    adapter = await backend.adapter(software=force_software)
    device: Device | None = None
    bench_ms: float | None = None
    if adapter and (force_software or not adapter.facts.software):
        device = await adapter.device()
        if not adapter.facts.software:
            bench_ms = await measure(device, ShaderManager(device), plan_for(FrameKind.TEXTURE, "rgba8unorm"))
    capability = assess(
        adapter.facts if adapter else None,
        secure=backend.secure,
        webgpu=backend.available,
        bench_ms=bench_ms,
        force_software=force_software,
    )
    return capability, device
