"""Reads the weights of ncnn models (.param, the graph as text; .bin, the numbers).

ncnn stores no names in the .bin: the layers' numbers follow each other in the order of the .param, each
layer's weights behind a four-byte flag (fp16 here, or fp32), its biases always in fp32. Only the layers that
hold weights matter here; what the graph computes is written as a PyTorch module of our own.

Format: github.com/Tencent/ncnn, src/modelbin.cpp and docs/developer-guide/param-and-model-file-structure.md.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from server.gpu.models.state import WeightsError

MAGIC = "7767517"
FP16 = 0x01306B47
FP32 = 0


@dataclass(frozen=True, slots=True)
class ConvWeights:
    """One convolution: `weight` float32 of shape (out, in, kernel, kernel), `bias` float32 of shape
    (out,)."""

    name: str
    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, slots=True)
class NcnnWeights:
    """`convolutions` in the graph's order, `constants` by name (ncnn's MemoryData), float32."""

    convolutions: list[ConvWeights]
    constants: dict[str, np.ndarray]


def read(param: Path, binary: Path) -> NcnnWeights:
    """All weights of a model whose layers are convolutions and constants. Every byte of `binary` must be
    used."""
    lines = [line.split() for line in param.read_text(encoding="ascii").splitlines() if line.strip()]
    if not lines or lines[0] != [MAGIC]:
        raise WeightsError(f"{param} is no ncnn graph: it does not start with {MAGIC}")
    if len(lines[1]) != 2 or int(lines[1][0]) != len(lines) - 2:
        raise WeightsError(
            f"{param} names {lines[1]} as its layer and blob counts but has {len(lines) - 2} layers"
        )
    numbers = _Numbers(binary)
    convolutions: list[ConvWeights] = []
    constants: dict[str, np.ndarray] = {}
    for line in lines[2:]:
        kind, name, inputs, outputs = line[0], line[1], int(line[2]), int(line[3])
        options = dict(option.split("=", 1) for option in line[4 + inputs + outputs :])
        if kind == "MemoryData":
            # ncnn's 0, 1, 2 are width, height, channels; absent ones are not dimensions
            shape = [int(options[key]) for key in ("2", "1", "0") if int(options.get(key, 0))]
            constants[name] = numbers.plain(name, shape)
        elif kind == "Convolution":
            convolutions.append(_convolution(name, options, numbers))
        elif kind not in _WEIGHTLESS:
            raise WeightsError(f"{param}: layer {name} is a {kind}, which this reader does not know")
    numbers.finish()
    return NcnnWeights(convolutions, constants)


_WEIGHTLESS = {
    "Input",
    "Split",
    "BinaryOp",
    "Swish",
    "Sigmoid",
    "Concat",
    "PixelShuffle",
    "Eltwise",
    "Interp",
}


def _convolution(name: str, options: dict[str, str], numbers: "_Numbers") -> ConvWeights:
    out, kernel, count = int(options["0"]), int(options["1"]), int(options["6"])
    if int(options.get("5", 0)) != 1:
        raise WeightsError(f"layer {name} has no bias")
    if count % (out * kernel * kernel):
        raise WeightsError(f"layer {name}: {count} weights do not make {out} kernels of {kernel}x{kernel}")
    weight = numbers.flagged(name, [out, count // (out * kernel * kernel), kernel, kernel])
    return ConvWeights(name, weight, numbers.plain(name, [out]))


class _Numbers:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()
        self._at = 0

    def _take(self, name: str, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) != size:
            raise WeightsError(f"{self._path} ends within layer {name}: {len(self._data)} bytes are too few")
        self._at += size
        return piece

    def plain(self, name: str, shape: list[int]) -> np.ndarray:
        raw = self._take(name, 4 * int(np.prod(shape)))
        return _checked(name, np.frombuffer(raw, "<f4").reshape(shape))

    def flagged(self, name: str, shape: list[int]) -> np.ndarray:
        flag = int.from_bytes(self._take(name, 4), "little")
        if flag == FP32:
            return self.plain(name, shape)
        if flag != FP16:
            raise WeightsError(f"{self._path}: layer {name} has storage flag {flag:#010x}, not fp16 or fp32")
        size = 2 * int(np.prod(shape))
        raw = self._take(name, (size + 3) // 4 * 4)[:size]  # padded to four bytes
        return _checked(name, np.frombuffer(raw, "<f2").astype(np.float32).reshape(shape))

    def finish(self) -> None:
        if self._at != len(self._data):
            left = len(self._data) - self._at
            raise WeightsError(
                f"{self._path} has {left} bytes more than its graph uses: they do not belong together"
            )


def _checked(name: str, values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise WeightsError(f"layer {name} holds numbers that are not finite")
    return values
