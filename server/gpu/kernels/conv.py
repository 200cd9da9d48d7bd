# Triton comes with PyTorch for CUDA; its functions are another language in Python's clothes.
# pyright: reportMissingImports=false, reportIndexIssue=false, reportPossiblyUnboundVariable=false
"""3x3 convolutions over pixels that lie channel by channel ("channels last"), in half precision with float32
sums.

A program makes a strip of `BM` pixels over `ROWS` rows and a block of `N` output channels. For each column of
the kernel it reads the ROWS + 2 input rows once and uses each of them for up to three output rows, so an
input value is read 3 (ROWS + 2) / ROWS times instead of nine. What follows a convolution in a network (bias,
an addition, the activation, the shuffle of channels into pixels) is done before anything is written.

One fixed configuration per shape, never one found by timing: the same input gives the same bits everywhere.
"""

import triton
import triton.language as tl


@triton.jit
def _finish(acc, bias, extra, out, row, cols, height, width, channels, EXTRA, OUT, N: tl.constexpr,
            KEEP: tl.constexpr, HAS_EXTRA: tl.constexpr, SLOPE: tl.constexpr, SHUFFLE: tl.constexpr,
            block):  # fmt: skip
    """Bias, addition, activation and store of one row: (BM, N) sums of channels from `channels[0]` on."""
    inside = (cols < width) & (row < height)
    made = acc + bias[None, :]
    if HAS_EXTRA:
        places = (row * width + cols).to(tl.int64)[:, None] * EXTRA + channels[None, :]
        made += tl.load(extra + places, mask=inside[:, None], other=0.0).to(tl.float32)
    if SLOPE != 1.0:
        made = tl.where(made > 0, made, made * SLOPE)
    if SHUFFLE:
        # block 2 * i + j of the outputs belongs to the pixel (i, j) of each 2x2
        place = (2 * row + block // 2) * (2 * width) + 2 * cols + block % 2
        columns = tl.arange(0, N)
    else:
        place = row * width + cols
        columns = channels
    target = out + place.to(tl.int64)[:, None] * OUT + columns[None, :]
    tl.store(target, made.to(out.dtype.element_ty), mask=inside[:, None] & (columns < KEEP)[None, :])


@triton.jit
def conv3x3(x, weight, bias, extra, out, height, width,
            X: tl.constexpr, EXTRA: tl.constexpr, OUT: tl.constexpr, CIN: tl.constexpr, COUT: tl.constexpr,
            N: tl.constexpr, KEEP: tl.constexpr, BK: tl.constexpr, BM: tl.constexpr, ROWS: tl.constexpr,
            HAS_EXTRA: tl.constexpr, SLOPE: tl.constexpr, SHUFFLE: tl.constexpr):  # fmt: skip
    """`x`: a picture of X numbers per pixel, of which the first CIN are read. `weight`: (3, 3, CIN, COUT),
    row, column, input, output. `bias`: float32 (COUT). `out`: OUT numbers per pixel, the first KEEP of which
    are written (with SHUFFLE: a picture of twice the sides and COUT / 4 channels). ROWS is 1, 2 or 4."""
    cols = tl.program_id(0) * BM + tl.arange(0, BM)
    first = tl.program_id(1) * ROWS
    block = tl.program_id(2)
    channels = block * N + tl.arange(0, N)
    inputs = tl.arange(0, BK)
    STEP: tl.constexpr = CIN * COUT * 3  # from one row of the kernel to the next
    acc0 = tl.zeros((BM, N), dtype=tl.float32)
    if ROWS > 1:
        acc1 = tl.zeros((BM, N), dtype=tl.float32)
    if ROWS > 2:
        acc2 = tl.zeros((BM, N), dtype=tl.float32)
        acc3 = tl.zeros((BM, N), dtype=tl.float32)
    for turn in range(3 * (CIN // BK)):
        column = turn % 3
        start = (turn // 3) * BK
        c = cols + (column - 1)
        beside = (c >= 0) & (c < width)
        w = weight + (column * CIN + start + inputs[:, None]) * COUT + channels[None, :]
        w0 = tl.load(w)
        w1 = tl.load(w + STEP)
        w2 = tl.load(w + 2 * STEP)
        base = x + c.to(tl.int64)[:, None] * X + start + inputs[None, :]
        line = width.to(tl.int64) * X
        a = tl.load(base + (first - 1) * line, mask=beside[:, None] & (first > 0), other=0.0)
        acc0 = tl.dot(a, w0, acc0)
        a = tl.load(base + first * line, mask=beside[:, None] & (first < height), other=0.0)
        acc0 = tl.dot(a, w1, acc0)
        if ROWS > 1:
            acc1 = tl.dot(a, w0, acc1)
        a = tl.load(base + (first + 1) * line, mask=beside[:, None] & (first + 1 < height), other=0.0)
        acc0 = tl.dot(a, w2, acc0)
        if ROWS > 1:
            acc1 = tl.dot(a, w1, acc1)
        if ROWS > 2:
            acc2 = tl.dot(a, w0, acc2)
        if ROWS > 1:
            a = tl.load(base + (first + 2) * line, mask=beside[:, None] & (first + 2 < height), other=0.0)
            acc1 = tl.dot(a, w2, acc1)
        if ROWS > 2:
            acc2 = tl.dot(a, w1, acc2)
            acc3 = tl.dot(a, w0, acc3)
            a = tl.load(base + (first + 3) * line, mask=beside[:, None] & (first + 3 < height), other=0.0)
            acc2 = tl.dot(a, w2, acc2)
            acc3 = tl.dot(a, w1, acc3)
            a = tl.load(base + (first + 4) * line, mask=beside[:, None] & (first + 4 < height), other=0.0)
            acc3 = tl.dot(a, w2, acc3)
    b = tl.load(bias + channels).to(tl.float32)
    _finish(acc0, b, extra, out, first, cols, height, width, channels, EXTRA, OUT, N, KEEP, HAS_EXTRA, SLOPE, SHUFFLE, block)  # noqa: E501 # fmt: skip
    if ROWS > 1:
        _finish(acc1, b, extra, out, first + 1, cols, height, width, channels, EXTRA, OUT, N, KEEP, HAS_EXTRA, SLOPE, SHUFFLE, block)  # noqa: E501 # fmt: skip
    if ROWS > 2:
        _finish(acc2, b, extra, out, first + 2, cols, height, width, channels, EXTRA, OUT, N, KEEP, HAS_EXTRA, SLOPE, SHUFFLE, block)  # noqa: E501 # fmt: skip
        _finish(acc3, b, extra, out, first + 3, cols, height, width, channels, EXTRA, OUT, N, KEEP, HAS_EXTRA, SLOPE, SHUFFLE, block)  # noqa: E501 # fmt: skip
