# Triton comes with PyTorch for CUDA; its functions are another language in Python's clothes.
# pyright: reportMissingImports=false, reportIndexIssue=false, reportPossiblyUnboundVariable=false
"""Reading features where the flow points: what `server.gpu.models.spynet.warp` does, on pixels that lie
channel by channel, with float32 places and sums."""

import triton
import triton.language as tl


@triton.jit
def warp(features, flow, out, height, width, CHANNELS: tl.constexpr, BM: tl.constexpr):
    """`features`, `out`: half (height * width, CHANNELS). `flow`: float32 (2, height, width), x then y, in
    pixels. Places outside read zero."""
    pixel = tl.program_id(0) * BM + tl.arange(0, BM)
    inside = pixel < height * width
    row, column = pixel // width, pixel % width
    x = column + tl.load(flow + pixel, mask=inside, other=0.0)
    y = row + tl.load(flow + height * width + pixel, mask=inside, other=0.0)
    # Far outside is outside: keeps the whole numbers small
    x = tl.minimum(tl.maximum(x, -2.0), width + 1.0)
    y = tl.minimum(tl.maximum(y, -2.0), height + 1.0)
    left, top = tl.floor(x), tl.floor(y)
    along, down = x - left, y - top
    left, top = left.to(tl.int32), top.to(tl.int32)
    channels = tl.arange(0, CHANNELS)
    made = tl.zeros((BM, CHANNELS), dtype=tl.float32)
    for corner in tl.static_range(4):
        c, r = left + corner % 2, top + corner // 2
        share = (along if corner % 2 else 1 - along) * (down if corner // 2 else 1 - down)
        there = inside & (c >= 0) & (c < width) & (r >= 0) & (r < height)
        place = (r * width + c).to(tl.int64)[:, None] * CHANNELS + channels[None, :]
        made += share[:, None] * tl.load(features + place, mask=there[:, None], other=0.0).to(tl.float32)
    target = out + pixel.to(tl.int64)[:, None] * CHANNELS + channels[None, :]
    tl.store(target, made.to(out.dtype.element_ty), mask=inside[:, None])
