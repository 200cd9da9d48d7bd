"""What a frame costs on the worker's thread, Python's own share apart from the browser's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pycore.backends.gpu import Canvas, Device, Dispatch, Frame
from pycore.pipeline import Pipeline
from pycore.protocol import FrameCost, Rect, Size, Tier

WARM = 20
"""Frames before those that count."""


class _Meter:
    """A device that adds up how long its calls into the browser take; else the device itself."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.spent = {"import": 0.0, "canvas": 0.0, "submit": 0.0}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    def frame_binder(self, pipeline: Any, resources: Sequence[Any]) -> Callable[[Any], Any]:
        bind = self._timed("import", self._device.frame_binder(pipeline, resources))
        return lambda frame: bind(frame.inside if isinstance(frame, _MeteredFrame) else frame)

    def canvas_binder(self, pipeline: Any, canvas: Canvas, resources: Sequence[Any]) -> Callable[[], Any]:
        return self._timed("canvas", self._device.canvas_binder(pipeline, canvas, resources))

    def submit(self, dispatches: Sequence[Dispatch]) -> None:
        self._timed("submit", self._device.submit)(dispatches)

    def frame(self, inside: Frame) -> "_MeteredFrame":
        """That frame; giving it back counts with its import."""
        return _MeteredFrame(inside, self._timed("import", inside.close))

    def _timed(self, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            started = perf_counter()
            made = call(*given)
            self.spent[what] += perf_counter() - started
            return made

        return timed


@dataclass(frozen=True, slots=True)
class _MeteredFrame:
    inside: Frame
    close: Callable[[], None]


async def frame_cost(
    device: Device, canvas: Any, frame: Callable[[Size], Frame], size: Size, tier: Tier, frames: int
) -> FrameCost:
    """Draws `frames` frames of that size, wholly, by the preview's own pipeline. Raises ReelError (see
    Pipeline)."""
    meter: Any = _Meter(device)
    pipeline = Pipeline(meter, canvas)
    pipeline.set_source(size)
    pipeline.set_crop(Rect(0, 0, size.width, size.height))
    await pipeline.improve(tier)
    total = 0.0
    for number in range(WARM + frames):
        if number == WARM:
            total, meter.spent = 0.0, dict.fromkeys(meter.spent, 0.0)
        total += (await pipeline.render(meter.frame(frame(size)), 0)).cpu_ms
    imported, current, submitted = (1000 * spent / frames for spent in meter.spent.values())
    mean = total / frames
    return FrameCost(
        tier, size.width, size.height, frames, mean, imported, current, submitted,
        mean - imported - current - submitted,
    )  # fmt: skip
