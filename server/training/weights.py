"""Weight files: safetensors, float16: `0.weight`, `0.bias`, `0.slope`, `1.weight`, …; shape as metadata."""

import json
import struct
from pathlib import Path

import numpy as np
import torch

from server.training.nets import Conv


def write(path: Path, convs: list[Conv], spec: dict) -> None:
    """Writes the convolutions in the order in which they run: weight (out, in, 3, 3), bias (out,) and slope
    (out,)
    of the PReLU after all but the last, little-endian. Metadata, as strings: block, channels, layers."""
    header: dict[str, object] = {
        "__metadata__": {key: str(spec[key]) for key in ("block", "channels", "layers")} | {"format": "pt"}
    }
    blob = bytearray()
    for index, conv in enumerate(convs):
        for part in ("weight", "bias", "slope"):
            tensor = getattr(conv, part)
            if tensor is None:
                continue
            data = tensor.numpy().astype("<f2").tobytes()
            offsets = [len(blob), len(blob) + len(data)]
            header[f"{index}.{part}"] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": offsets}
            blob += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(struct.pack("<Q", len(text)) + text + blob)
    temporary.replace(path)


def read(path: Path) -> list[Conv]:
    """The convolutions of a file that `write` made, as float32."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = (8 + length + offset for offset in entry["data_offsets"])
            values = np.frombuffer(data[first:last], dtype="<f2").reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.astype(np.float32))
    count = sum(name.endswith(".weight") for name in tensors)
    return [
        Conv(tensors[f"{i}.weight"], tensors[f"{i}.bias"], tensors.get(f"{i}.slope")) for i in range(count)
    ]
