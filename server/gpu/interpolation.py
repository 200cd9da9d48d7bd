"""The pictures between two of the source's, for slow motion."""

import logging
import threading
from collections.abc import Iterator

import torch
from torch import Tensor

from server.gpu.failures import out_of_memory
from server.gpu.models import registry, rife, state
from server.gpu.models.descriptor import BEST
from server.gpu.models.registry import WindowNet

_log = logging.getLogger(__name__)

LABEL, FILE, ASSET = "RIFE", "flownet.pkl", "RIFE 3.8"
LARGEST = 1920 * 1088
"""Pixels up to which motion is looked for in whole pictures; in larger ones, in pictures half as large, as
RIFE's authors advise: flow is coarse there, and movements are wide."""


class Interpolator:
    """One device's. fp16 on CUDA, else fp32. What it was told by running out of memory holds for as long
    as it lives."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._type = torch.float16 if device.type == "cuda" else torch.float32
        self._net: rife.Rife | None = None
        self._lock = threading.Lock()
        self._most_detail = 1.0

    def notes(self) -> list[str]:
        """What people should know of how it went."""
        if self._most_detail == 1.0:
            return []
        return [f"Memory ran out: slow motion's movements were found at {self._most_detail:g} of the size."]

    def between(self, first: Tensor, second: Tensor) -> "Between":
        """Both RGB in [0, 1], float32 (1, 3, h, w), on the device."""
        return Between(self, first, second)

    @torch.inference_mode()
    def cut(self, first: Tensor, second: Tensor) -> bool:
        """Whether a new scene begins with the second."""
        net = registry.load(BEST, self._device)
        assert isinstance(net, WindowNet)
        frames = torch.cat([first, second]).permute(0, 2, 3, 1)
        return bool(net.cuts((frames * 255).round().to(torch.uint8)))

    @torch.inference_mode()
    def middle(self, first: Tensor, second: Tensor) -> Tensor:
        """ReelError `model.weights`; RuntimeError where memory runs out with pictures a quarter as large."""
        net = self._loaded()
        one, two = first.to(self._type), second.to(self._type)
        while True:
            detail = min(1.0 if one.shape[2] * one.shape[3] <= LARGEST else 0.5, self._most_detail)
            try:
                return net(one, two, detail).float()
            except RuntimeError as error:
                if not out_of_memory(error) or detail <= 0.25:
                    raise
                self._most_detail = detail / 2
                _log.warning(
                    "Out of memory on %s: motion is looked for at %g of the size", self._device, detail / 2
                )
                if self._device.type == "cuda":
                    torch.cuda.empty_cache()

    def _loaded(self) -> rife.Rife:
        with self._lock:
            if self._net is None:
                with registry.told(LABEL):
                    (path,) = registry.files([FILE], ASSET)
                    net = rife.build(state.read(path))
                net = net.eval().requires_grad_(False).to(self._device, self._type)
                self._net = torch.nn.utils.convert_conv2d_weight_memory_format(net, torch.channels_last)
            return self._net


class Between:
    """What lies between two pictures, each made once."""

    def __init__(self, interpolator: Interpolator, first: Tensor, second: Tensor) -> None:
        self._interpolator = interpolator
        self._made = {0.0: first, 1.0: second}
        self._cut: bool | None = None

    def at(self, share: float) -> Tensor:
        """`share` of the way to the second: halves, quarters, and so on; 0 to below 1. Across a cut it is the
        first."""
        if self._cut is None:
            self._cut = self._interpolator.cut(self._made[0.0], self._made[1.0])
        return self._made[0.0] if self._cut else self._between(share)

    def _between(self, share: float) -> Tensor:
        if share not in self._made:
            step = 0.5
            while (share / step) % 2 != 1:
                step /= 2
            low, high = self._between(share - step), self._between(share + step)
            self._made[share] = self._interpolator.middle(low, high)
        return self._made[share]


class InSlowMotion:
    """A segment's pictures, and those between them. `pictures`: of the segment's frames in order, and of the
    one behind them where something lies between; RGB in [0, 1], float32 (1, 3, h, w), on the device."""

    def __init__(self, interpolator: Interpolator, pictures: Iterator[Tensor]) -> None:
        self._interpolator = interpolator
        self._pictures = pictures
        self._number = -1
        self._current: Tensor | None = None
        self._next: Tensor | None = None
        self._between: Between | None = None

    def picture(self, number: int, share: float) -> Tensor:
        """`share` of the way from frame `number` of the segment to the next; where there is none (the source
        ends), that frame. To be asked in order."""
        while self._number < number:
            self._current, self._next = self._next, None
            if self._current is None:
                self._current = next(self._pictures)
            self._number, self._between = self._number + 1, None
        assert self._current is not None
        if share == 0:
            return self._current
        if self._between is None:
            self._next = next(self._pictures, None)
            if self._next is None:
                return self._current
            self._between = self._interpolator.between(self._current, self._next)
        return self._between.at(share)
