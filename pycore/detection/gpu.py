"""The detector on the GPU. Pixels never leave it; what comes back of a frame is what was found, 6.5 kB.

frame -> detect_input  the net's input in a buffer
      -> net           heat and boxes in buffers (ONNX Runtime, on the same device)
      -> detect_peaks, detect_rank   the best peaks in order
      -> detect_kit, detect_glimpse  what they wear; the picture's colours, for cuts
      -> read back while the next frame is on its way
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pycore.backends.gpu import BufferUsage, Device, Dispatch, Frame
from pycore.detection.seen import Answer, Seen
from pycore.detection.view import BYTES, Turn, View, whole
from pycore.protocol import Processor, ProcessorKind, ReelError, Size
from pycore.shaders import ShaderManager
from pycore.tracking.appearance import BINS
from pycore.tracking.cuts import COLUMNS, ROWS
from pycore.tracking.decoding import STRIDE, Peaks, Window, boxes
from pycore.tracking.types import Detections

LONGEST = 1920
"""Input pixels of the long side of a whole picture: more is scaled down."""

LEAST = 1280
"""And less is enlarged: players of few pixels are found better so."""

HEAD, PEOPLE, BALLS, SLOT = 4, 128, 8, 11
"""As detect_view.wgsl."""
CANDIDATES = 4096
WORDS = HEAD + SLOT * (PEOPLE + BALLS) + COLUMNS * ROWS


class GpuNet(Protocol):
    """A detector net on the device's own buffers."""

    def bind(self, picture: Any, heat: Any, box: Any, size: Size) -> Callable[[], Awaitable[None]]:
        """A function that queues one run from `picture` (1, 3, H, W) to `heat` (1, 2, H/4, W/4) and `box`
        (1, 4, H/4, W/4), float32 buffers."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Bench:
    """All that one size of input needs."""

    size: Size
    view: Any
    buffers: list[Any]
    result: Any
    bind_frame: Callable[[Any], Any]
    input_pipeline: Any
    run: Callable[[], Awaitable[None]]
    after: list[Dispatch]


class GpuDetector:
    """See `Detector`."""

    def __init__(self, device: Device, net: GpuNet, name: str = "") -> None:
        self.processor = Processor(ProcessorKind.WEBGPU, name or _name(device), True)
        self._device = device
        self._net = net
        self._shaders = ShaderManager(device)
        self._benches: dict[Size, _Bench] = {}
        self._turns = asyncio.Lock()  # analysing and following take turns: a net runs once at a time

    def whole_view(self, display: Size) -> View:
        return whole(display, LONGEST, LEAST)

    async def show(self, frame: Frame, view: View, display: Size, turn: Turn) -> Answer:
        async with self._turns:
            return await self._show(frame, view, display, turn)

    async def _show(self, frame: Frame, view: View, display: Size, turn: Turn) -> Answer:
        bench = self._benches.get(view.size) or await self._bench(view.size)
        self._device.write_buffer(bench.view, view.packed(display, turn))
        grid = (-(-view.size.width // 8), -(-view.size.height // 8))
        self._device.submit([Dispatch(bench.input_pipeline, bench.bind_frame(frame), *grid)])
        await bench.run()
        self._device.submit(bench.after)
        # A task of its own: the answer comes in while others are waited for, also when nobody asks for it.
        reading = asyncio.ensure_future(self._device.begin_read(bench.result, 4 * WORDS))
        return _GpuAnswer(self._device, reading, view)

    async def _bench(self, size: Size) -> _Bench:
        device = self._device
        cells = (size.width // STRIDE) * (size.height // STRIDE)
        storage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST
        view = device.create_buffer(BYTES, BufferUsage.UNIFORM | BufferUsage.COPY_DST)
        picture = device.create_buffer(4 * 3 * size.width * size.height, storage)
        heat, box = device.create_buffer(4 * 2 * cells, storage), device.create_buffer(4 * 4 * cells, storage)
        candidates = device.create_buffer(8 * (CANDIDATES + 1), storage)
        result = device.create_buffer(4 * WORDS, storage)
        shown = await self._shaders.compute((f"frame_{device.frame_kind}", "detect_view", "detect_input"))
        rows, columns = size.height // STRIDE, size.width // STRIDE
        after = [
            await self._step("detect_peaks", [heat, view, candidates], -(-columns // 8), -(-2 * rows // 8)),
            await self._step("detect_rank", [candidates, view, box, result], CANDIDATES // 64),
            await self._step("detect_kit", [picture, view, result], PEOPLE),
            await self._step("detect_glimpse", [picture, view, result], COLUMNS * ROWS),
        ]
        bench = _Bench(
            size,
            view,
            [view, picture, heat, box, candidates, result],
            result,
            device.frame_binder(shown, [view, picture, candidates]),
            shown,
            self._net.bind(picture, heat, box, size),
            after,
        )
        self._benches[size] = bench
        return bench

    async def _step(self, shader: str, resources: list[Any], x: int, y: int = 1) -> Dispatch:
        pipeline = await self._shaders.compute(("detect_view", shader))
        return Dispatch(pipeline, self._device.bind(pipeline, resources), x, y)

    def close(self) -> None:
        """Gives net and device back."""
        self._net.close()
        self._device.destroy()


class _GpuAnswer:
    def __init__(self, device: Device, reading: Awaitable[bytes], view: View) -> None:
        self._device = device
        self._reading = reading
        self._view = view

    async def seen(self) -> Seen:
        words = await self._reading
        if error := self._device.take_error():
            hint = "Reload the page; the server can do the analysis as well."
            raise ReelError.of("gpu.failed", "The GPU could not look at a frame", error, hint, status=500)
        return unpack(words, self._view)


def unpack(words: bytes, view: View) -> Seen:
    """What the shaders left of a frame, WORDS little-endian words."""
    whole_ = np.frombuffer(words, "<u4", WORDS)
    slots = whole_[HEAD : HEAD + SLOT * (PEOPLE + BALLS)].reshape(-1, SLOT)
    people = slots[: min(int(whole_[0]), PEOPLE)]
    ball = slots[PEOPLE : PEOPLE + min(int(whole_[1]), BALLS)]
    columns = view.size.width // STRIDE
    kits = people[:, 6:].copy().view(np.uint8).reshape(-1, BINS).astype(np.float64) / 255
    colors = whole_[HEAD + SLOT * (PEOPLE + BALLS) :].copy().view(np.uint8).reshape(ROWS, COLUMNS, 4)
    return Seen(
        _detections(people, columns, view.window, kits),
        _detections(ball, columns, view.window),
        colors[..., :3] / 255,
    )


def _detections(
    slots: np.ndarray, columns: int, window: Window, kits: np.ndarray | None = None
) -> Detections:
    cells = slots[:, 1].astype(np.int64)
    numbers = slots.copy().view("<f4")
    found = Peaks(cells // columns, cells % columns, numbers[:, 0].astype(np.float64))
    sound = np.isfinite(numbers[:, 2:6]).all(axis=1)
    told = boxes(
        Peaks(found.rows[sound], found.columns[sound], found.scores[sound]), numbers[sound, 2:6], window
    )
    return Detections(told.boxes, told.scores, None if kits is None else kits[sound])


def _name(device: Device) -> str:
    facts = device.facts
    return " ".join(part for part in (facts.vendor, facts.architecture) if part) or "GPU"
