"""Weight files: what ships is read as its maker reads it, and anything else is refused with its reason."""

import json
import struct
from itertools import pairwise

import pytest

from pycore.backends.native_gpu import WEB
from pycore.protocol import ReelError
from pycore.upscaler.weights import LAYER_MATRICES, parse

LAYERS = {"0": (8, 4), "1": (16, 8)}


def file(layers: dict[str, tuple[int, int]], dtype: str = "F16") -> bytes:
    """A file with these layers, (outputs, inputs); every number is 1."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (outputs, inputs) in layers.items():
        for part, shape in (("weight", [outputs, inputs, 3, 3]), ("bias", [outputs])):
            count = outputs * (inputs * 9 if part == "weight" else 1)
            header[f"{name}.{part}"] = {
                "dtype": dtype,
                "shape": shape,
                "data_offsets": [end, end + 2 * count],
            }
            end += 2 * count
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + struct.pack("<e", 1.0) * (end // 2)


@pytest.mark.parametrize(("name", "width", "layers"), [("s", 16, 5), ("m", 24, 6), ("l", 32, 9)])
def test_the_models_that_ship(name: str, width: int, layers: int) -> None:
    net = parse((WEB / "models" / f"{name}.safetensors").read_bytes(), name)
    widths = [4] + [width] * (layers - 1) + [16]
    assert [(each.inputs, each.outputs) for each in net] == list(pairwise(widths))
    assert net[-1].slope == (1.0,) * 16
    assert all(len(each.pack()) == LAYER_MATRICES * 64 for each in net)


def test_a_layer_is_packed_as_the_kernel_reads_it() -> None:
    """A matrix of ones for each of two by one groups and nine taps, then bias and slope per group."""
    first = parse(file(LAYERS), "x")[0]
    values = struct.unpack(f"<{LAYER_MATRICES * 16}f", first.pack())
    assert values[: 2 * 9 * 16] == (1.0,) * (2 * 9 * 16)
    assert values[2 * 9 * 16 : 2 * 9 * 16 + 32] == ((1.0,) * 8 + (0.0,) * 8) * 2
    assert not any(values[2 * 9 * 16 + 32 :])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<!doctype html>", "x.safetensors"),
        (b"", "x.safetensors"),
        (file(LAYERS)[:-2], "x.safetensors"),
        (file(LAYERS, dtype="F32"), "F32"),
        (file({"0": (8, 4), "1": (16, 12)}), "channels"),
        (file({"0": (6, 4), "1": (16, 6)}), "channels"),
        (file({"0": (8, 4), "1": (8, 8)}), "channels"),
        (file({"0": (8, 4)}), "channels"),
        (file({"0": (8, 4), "1": (64, 8), "2": (64, 64), "3": (16, 64)}), "channels"),
    ],
)
def test_what_is_no_such_model_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ReelError, match=why) as caught:
        parse(data, "x")
    assert caught.value.problem.code == "model.broken"
