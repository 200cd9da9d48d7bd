"""A detector net that needs no training, for tests: it finds what is red and as large as a person, with the
interface of the nets that ship (pycore/tracking/decoding.py)."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(path: Path, width: int = 10, height: int = 20) -> Path:
    """Heat is high in the middle of red areas of about width x height pixels; every box has that size."""
    # 4x4 pixels become a cell of redness, and redness is averaged over about the size of a person.
    redness = np.zeros((1, 3, 4, 4), np.float32)
    redness[0, 0], redness[0, 1], redness[0, 2] = 1 / 16, -1 / 16, -1 / 16
    columns, rows = width // 4 | 1, height // 4 | 1
    around = np.full((1, 1, rows, columns), 1.0, np.float32)
    # The middle counts more, so that there is one peak.
    y, x = np.mgrid[:rows, :columns]
    around[0, 0] *= np.exp(-(((y - rows // 2) / rows) ** 2 + ((x - columns // 2) / columns) ** 2))
    around /= around.sum()
    sides = np.array([width / 2, height / 2, width / 2, height / 2], np.float32).reshape(1, 4, 1, 1)
    constants = {
        "redness": redness,
        "around": around,
        "gain": np.array(14, np.float32),
        "offset": np.array(-5, np.float32),
        "never": np.array(0, np.float32),
        "sides": sides,
    }
    nodes = [
        helper.make_node("Conv", ["picture", "redness"], ["cells"], strides=[4, 4]),
        helper.make_node("Relu", ["cells"], ["red"]),
        helper.make_node("Conv", ["red", "around"], ["mean"], pads=[rows // 2, columns // 2] * 2),
        helper.make_node("Mul", ["mean", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["shifted"]),
        helper.make_node("Sigmoid", ["shifted"], ["person"]),
        helper.make_node("Mul", ["person", "never"], ["nothing"]),
        helper.make_node("Concat", ["person", "nothing"], ["heat"], axis=1),
        helper.make_node("Concat", ["nothing", "nothing", "nothing", "nothing"], ["zeros"], axis=1),
        helper.make_node("Add", ["zeros", "sides"], ["box"]),
    ]

    def value(name: str, dims: list[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)

    graph = helper.make_graph(
        nodes,
        "red",
        [value("picture", [1, 3, "height", "width"])],
        [value("heat", [1, 2, "rows", "columns"]), value("box", [1, 4, "rows", "columns"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
