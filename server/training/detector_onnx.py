"""Writes a detector as ONNX, with `onnx` alone: only operators that onnxruntime-web's WebGPU provider has
(Conv, Relu, Add, Resize, Sigmoid, Exp, Cast). Batch normalisation is folded into the convolutions; the sides
are left open."""

import operator
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn
from torch.nn import functional

from server.gpu.models.detector import Detector
from server.gpu.models.detector_weights import folded

OPSET = 17


class Precision(StrEnum):
    """What the net computes in. Weights are stored as halves and the interface is single precision in
    either."""

    HALF = "half"
    SINGLE = "single"


def write(path: Path, net: Detector, precision: Precision, description: str) -> None:
    """Writes `net`, on the CPU. Raises ValueError naming what it cannot say."""
    graph = fx.symbolic_trace(folded(net))
    writer = _Writer(dict(graph.named_modules()), precision)
    for node in graph.graph.nodes:
        writer.add(node)
    model = helper.make_model(
        helper.make_graph(
            writer.nodes,
            "detector",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])],
            [
                helper.make_tensor_value_info("heat", TensorProto.FLOAT, [1, 2, "rows", "columns"]),
                helper.make_tensor_value_info("box", TensorProto.FLOAT, [1, 4, "rows", "columns"]),
            ],
            writer.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,
        producer_name="reelballers",
        doc_string=description,
    )
    onnx.checker.check_model(model, full_check=True)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(model.SerializeToString())
    temporary.replace(path)


class _Writer:
    def __init__(self, modules: dict[str, nn.Module], precision: Precision) -> None:
        self._modules, self._half = modules, precision is Precision.HALF
        self._same: dict[fx.Node, fx.Node] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, node: fx.Node) -> None:
        match node.op:
            case "placeholder":
                if self._half:
                    self._say("Cast", ["picture"], _value(node), to=TensorProto.FLOAT16)
                else:
                    self._say("Identity", ["picture"], _value(node))
            case "call_module":
                self._module(node, self._modules[str(node.target)])
            case "call_function":
                self._function(node)
            case "output":
                for value, name in zip(node.args[0], ("heat", "box"), strict=True):  # pyright: ignore
                    self._say("Cast", [self._named(value)], name, to=TensorProto.FLOAT)
            case _:
                raise ValueError(f"{node.op} {node.target} has no ONNX here")

    def _module(self, node: fx.Node, module: nn.Module) -> None:
        source = self._sources(node)
        match module:
            case nn.Conv2d():
                assert module.bias is not None
                weights = [
                    self._weight(f"{node.target}.{part}", getattr(module, part))
                    for part in ("weight", "bias")
                ]
                top, left = (int(each) for each in module.padding)
                self._say(
                    "Conv", source + weights, _value(node), kernel_shape=list(module.kernel_size),
                    strides=list(module.stride), pads=[top, left, top, left], group=module.groups,
                )  # fmt: skip
            case nn.Identity():
                self._same[node] = node.all_input_nodes[0]
            case nn.ReLU():
                self._say("Relu", source, _value(node))
            case _:
                raise ValueError(f"{module} has no ONNX here")

    def _function(self, node: fx.Node) -> None:
        source = self._sources(node)
        if node.target is operator.add:
            self._say("Add", source, _value(node))
        elif node.target is functional.relu:
            self._say("Relu", source, _value(node))
        elif node.target is torch.sigmoid:
            self._say("Sigmoid", source, _value(node))
        elif node.target is torch.exp:
            self._say("Exp", source, _value(node))
        elif node.target is functional.interpolate and node.kwargs["mode"] == "nearest":
            self._resize(source[0], node)
        else:
            raise ValueError(f"{node.target} has no ONNX here")

    def _sources(self, node: fx.Node) -> list[str]:
        return [self._named(each) for each in node.all_input_nodes]

    def _named(self, node: fx.Node) -> str:
        return _value(self._same.get(node, node))

    def _resize(self, source: str, node: fx.Node) -> None:
        factor = node.kwargs["scale_factor"]
        name = f"times{factor}"
        if all(each.name != name for each in self.weights):
            self.weights.append(numpy_helper.from_array(np.array([1, 1, factor, factor], np.float32), name))
        self._say(
            "Resize", [source, "", name], _value(node), mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip

    def _weight(self, name: str, value: torch.Tensor) -> str:
        self.weights.append(numpy_helper.from_array(value.detach().numpy().astype(np.float16), name))
        if self._half:
            return name
        # onnxruntime folds these away when it opens the file.
        self._say("Cast", [name], f"{name}.single", to=TensorProto.FLOAT)
        return f"{name}.single"

    def _say(self, kind: str, inputs: Iterable[str], output: str, **attributes: Any) -> None:
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], name=f"{kind}_{output}", **attributes)
        )


def _value(node: fx.Node) -> str:
    return f"at_{node.name}"
