"""A picture through a detector net."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pycore.tracking.decoding import LEAST, MOST, Found, Window, decode, padded


def as_input(picture: Tensor, scale: float, dtype: torch.dtype) -> tuple[Tensor, Window]:
    """The net's input for a picture (3, H, W) uint8, scaled and padded, and where it lies."""
    height, width = picture.shape[1:]
    unit = picture[None].to(dtype) / 255
    if scale != 1:
        rows, columns = max(round(height * scale), 1), max(round(width * scale), 1)
        unit = functional.interpolate(
            unit, (rows, columns), mode="bilinear", align_corners=False, antialias=scale < 1
        )
    rows, columns = unit.shape[2:]
    window = Window(across=columns / width, down=rows / height)
    return functional.pad(unit, (0, padded(columns) - columns, 0, padded(rows) - rows)), window


def detect(
    net: nn.Module, picture: Tensor, scale: float = 1.0, least: float = LEAST, most: int = MOST
) -> Found:
    """What a detector sees in a picture (3, H, W) uint8 on its device, in that picture's pixels."""
    dtype = next(net.parameters()).dtype
    unit, window = as_input(picture, scale, dtype)
    with torch.inference_mode():
        heat, box = net(unit.contiguous(memory_format=torch.channels_last))
    return decode(_numbers(heat), _numbers(box), window, least, most)


def _numbers(values: Tensor) -> NDArray[np.float32]:
    return values.float().cpu().numpy()


def device_named(name: str) -> torch.device:
    """The device that `server.gpu.local.local_processor` means by that name; raises what it raises."""
    from server.gpu.local import local_processor

    return torch.device(local_processor(name).info().kind.value)
