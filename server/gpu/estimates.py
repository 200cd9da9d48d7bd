"""How long a job will take. Pure.

Time follows the pixels that come out of an export's net, whatever size is asked for in the end
(`work_pixels`), or that go into a tracking job's. A measured throughput is those pixels / seconds of a
finished job or segment on the same device with the same net.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from pycore.protocol import Estimate, ModelName, Processor, ProcessorKind, Rect, Route, Size
from server.gpu.detector_input import net_pixels
from server.gpu.models.descriptor import descriptor
from server.gpu.prices import Prices

TRACKING = "tracking"
"""What the throughput of tracking jobs is kept under, beside those of the models."""

# Pixels per second through the net, decoding and encoding included, where nothing was measured yet:
# deliberately low.
_DEFAULTS: dict[tuple[ProcessorKind, str], float] = {
    (ProcessorKind.CPU, ModelName.QUICK): 1.2e6,
    (ProcessorKind.CPU, ModelName.BEST): 0.2e6,
    (ProcessorKind.CPU, ModelName.PERCEPTUAL): 0.06e6,
    (ProcessorKind.MPS, ModelName.QUICK): 20e6,
    (ProcessorKind.MPS, ModelName.BEST): 3e6,
    (ProcessorKind.MPS, ModelName.PERCEPTUAL): 1e6,
    (ProcessorKind.CUDA, ModelName.QUICK): 100e6,
    (ProcessorKind.CUDA, ModelName.BEST): 40e6,
    (ProcessorKind.CUDA, ModelName.PERCEPTUAL): 15e6,
    (ProcessorKind.CPU, TRACKING): 1e6,
    (ProcessorKind.MPS, TRACKING): 20e6,
    (ProcessorKind.CUDA, TRACKING): 120e6,
}
_NAMES = {ProcessorKind.CPU: "CPUs", ProcessorKind.MPS: "Apple GPUs", ProcessorKind.CUDA: "NVIDIA GPUs"}
START_SECONDS = 2.0
"""Reading the plan, loading the model, joining."""


TRANSFER_SECONDS = 10.0
"""Fetching the video and storing the result, for a worker on RunPod."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be estimated: `frames` frames through `net` (a model's name, or TRACKING), `pixels` in all
    by the kind of processor."""

    net: str
    frames: int
    pixels: Callable[[ProcessorKind], float]

    @classmethod
    def of_export(cls, pixels: float, frames: int, model: ModelName) -> Self:
        """`pixels` of `work_pixels`. Raises ReelError `model.unknown`."""
        descriptor(model)
        return cls(model.value, frames, lambda kind: pixels)

    @classmethod
    def of_tracking(cls, size: Size, frames: int) -> Self:
        """The players of so many frames of a video of that display size."""
        return cls(TRACKING, frames, lambda kind: frames * net_pixels(size, kind))


def work_pixels(crop: Size, frames: int, model: ModelName) -> float:
    """Pixels that come out of the net for `frames` frames of a crop of that size."""
    return float(crop.width * crop.height * descriptor(model).scale ** 2 * frames)


def crop_size(crop: Rect) -> Size:
    """A crop's size in whole pixels, as an estimate needs it."""
    return Size(max(round(crop.width), 1), max(round(crop.height), 1))


def estimate(processor: Processor, work: Work, measured: float | None = None) -> Estimate:
    """What the local route would take on `processor`. `measured`: pixels per second on this device with this
    net, if known."""
    pixels = work.pixels(processor.kind)
    seconds = START_SECONDS + pixels / (measured or _DEFAULTS[(processor.kind, work.net)])
    basis = "measured on this machine" if measured else f"default for {_NAMES[processor.kind]}"
    return Estimate(
        route=Route.LOCAL,
        processor=processor,
        seconds=round(seconds, 1),
        cost_usd=0.0,
        recommended=False,
        basis=basis,
        frames=work.frames,
    )


def estimate_remote(
    processor: Processor,
    prices: Prices,
    gpu: str,
    work: Work,
    *,
    measured: float | None = None,
    active: bool = False,
) -> Estimate:
    """What RunPod would take with a GPU of that class, and what it would cost: start and idle time are in the
    price, as they are billed. Raises ReelError `config.pricing`."""
    default = _DEFAULTS[(ProcessorKind.CUDA, work.net)] * prices.of(gpu).speed
    working = TRANSFER_SECONDS + work.pixels(ProcessorKind.CUDA) / (measured or default)
    start = 0.0 if active else prices.start_seconds
    basis = "measured there before" if measured else f"default for {prices.of(gpu).label}"
    return Estimate(
        route=Route.RUNPOD,
        processor=processor,
        seconds=round(start + working, 1),
        cost_usd=round(prices.cost(gpu, working, start_seconds=start, active=active), 4),
        recommended=False,
        basis=f"{basis}; {start:.0f} s to start it included" if start else basis,
        frames=work.frames,
    )
