"""The way of finished pictures from their device to the encoder."""

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


class Outbox:
    """Where a segment's finished pictures wait for their encoder: on the device, so that what makes them
    never waits for a copy. Each is fetched by the encoder's own thread."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._host: Tensor | None = None

    def put(self, picture: Tensor) -> Callable[[], np.ndarray]:
        """Gives what fetches it; the array holds until the next one is fetched."""
        if self._stream is None:
            return picture.cpu().numpy
        made = torch.cuda.Event()
        made.record()
        return functools.partial(self._fetch, picture, made)

    def _fetch(self, picture: Tensor, made: torch.cuda.Event) -> np.ndarray:
        if self._host is None:
            self._host = torch.empty(picture.shape, dtype=picture.dtype, pin_memory=True)
        with torch.cuda.stream(self._stream):
            made.wait()
            self._host.copy_(picture, non_blocking=True)
            copied = torch.cuda.Event()
            copied.record()
        copied.synchronize()
        return self._host.numpy()
