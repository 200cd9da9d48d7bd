"""What is done to a picture behind its net: to the size asked, spotlight and title."""

import torch
from torch import Tensor

from pycore.protocol import ExportClip, Rect
from pycore.spotlight.title import title_mark
from server.gpu import pixels
from server.gpu.base import ExportPlan
from server.gpu.moving import Shot
from server.gpu.placing import placed
from server.gpu.spotlight import draw


def sized(large: Tensor, plan: ExportPlan, shot: Shot) -> Tensor:
    """The upscaled picture at the output's size."""
    if shot.window is None:
        return pixels.resize(large, plan.out_size)
    return placed(large, shot.window, shot.crop, plan.out_size)


@torch.inference_mode()
def drawn(rgb: Tensor, shot: Shot, plan: ExportPlan, asked: ExportClip, ticks: int) -> Tensor:
    """With the spotlight and the clip's title, `ticks` after its beginning, as the encoder takes it."""
    size, time_us = plan.out_size, round(ticks * 1_000_000 / plan.timescale)
    if shot.mark is not None:
        rgb = draw(rgb, shot.crop, shot.mark)
    mark = title_mark(asked.title, size, time_us, asked.freeze_us) if asked.title else None
    if mark is not None:
        rgb = draw(rgb, Rect(0, 0, size.width, size.height), mark)
    return pixels.to_yuv420(rgb)
